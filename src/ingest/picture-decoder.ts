import { AV_PIX_FMT_RGB24 } from 'node-av/constants';
import type { FrameWrite } from '../buffer/frame-ring.ts';
import type { DecoderChunk } from './decoder-contract.ts';
import { H264Decoder } from './h264-decoder.ts';
import { copyPlane, PictureScaler, type ScalingQuality } from './picture-scaler.ts';

/** A decoded picture at source size, in memory of its own. */
export interface DecodedPicture {
  readonly width: number;
  readonly height: number;
  /** RGB, interleaved, `height` rows of `width * 3` bytes. */
  readonly data: Uint8Array;
  readonly timestampNs: bigint;
  readonly isKeyframe: boolean;
  readonly isDamaged: boolean;
}

/** The service's decoder, for pictures at source size instead of frames in a ring. */
export class PictureDecoder implements Disposable {
  readonly #scaler: PictureScaler;
  readonly #decoder: H264Decoder;
  #pictures: DecodedPicture[] = [];

  /** @param quality of colours; throws `TRACKCAST_DECODER_FAILED` when the codec cannot be opened */
  constructor(streamId: string, quality: ScalingQuality) {
    this.#scaler = new PictureScaler(AV_PIX_FMT_RGB24, quality);
    this.#decoder = new H264Decoder({
      streamId,
      // Nobody looks at the model's picture here: the smallest will do.
      geometry: { kind: 'stretch', width: 16, height: 16 },
      lumaLongSide: 16,
      eagerAccessUnits: 'never',
      sink: {
        beginWrite: () => unusedSlot,
        onPicture: (picture, { timestampNs, isKeyframe, isDamaged }) => {
          const { width, height } = picture;
          const data = new Uint8Array(width * height * 3);
          copyPlane(this.#scaler.scale(picture, width, height), width * 3, data, width * 3);
          this.#pictures.push({ width, height, data, timestampNs, isKeyframe, isDamaged });
        },
      },
    });
  }

  /** Pictures that the chunk completes, in the order in which they are shown. Never rejects for bad data. */
  async decode(chunk: DecoderChunk): Promise<readonly DecodedPicture[]> {
    await this.#decoder.push(chunk);
    const pictures = this.#pictures;
    this.#pictures = [];
    return pictures;
  }

  [Symbol.dispose](): void {
    this.#scaler[Symbol.dispose]();
    this.#decoder[Symbol.dispose]();
  }
}

const unusedSlot: FrameWrite = {
  pixels: new Uint8Array(16 * 16 * 3),
  luma: new Uint8Array(16 * 16),
  motionVectors: new Int16Array(0),
  commit: () => {},
  abandon: () => {},
};
