import { readFile } from 'node:fs/promises';
import {
  AV_CODEC_ID_MJPEG,
  AV_CODEC_ID_PNG,
  AV_PIX_FMT_GRAY8,
  AV_PIX_FMT_PAL8,
  AV_PIX_FMT_RGB24,
} from 'node-av/constants';
import { Codec, CodecContext, Frame, Packet } from 'node-av/lib';
import { TrackcastError } from '../errors.ts';
import { quietCodecLog } from './codec-log.ts';
import { jpegToRgb } from './jpeg-colours.ts';
import { isCompleteJpeg } from './jpeg-completeness.ts';
import { copyPlane, PictureScaler } from './picture-scaler.ts';

export interface Image {
  readonly width: number;
  readonly height: number;
  /** Row-major: 3 bytes a pixel for RGB, 1 for indices. */
  readonly data: Uint8Array;
}

/**
 * Reads a JPEG or PNG file, or its bytes, as interleaved RGB, as Pillow does: PNG equally, JPEG but for the last bit
 * of about 2 percent of the samples, where FFmpeg's inverse transform rounds in another order. Throws
 * `TRACKCAST_SOURCE_UNREADABLE`, also for files of which a part is missing or damaged.
 */
export async function readRgbImage(source: string | Uint8Array): Promise<Image> {
  const bytes = typeof source === 'string' ? await readFile(source) : source;
  return withPicture(bytes, (picture) => {
    const { width, height } = picture;
    const data = new Uint8Array(width * height * 3);
    if (jpegToRgb(picture, data)) return { width, height, data };
    using scaler = new PictureScaler(AV_PIX_FMT_RGB24, 'exact');
    copyPlane(scaler.scale(picture, width, height), width * 3, data, width * 3);
    return { width, height, data };
  });
}

/**
 * Reads a palette or grey PNG file, or its bytes, as one index a pixel; the colours are left out. Throws
 * `TRACKCAST_SOURCE_UNREADABLE`, also for PNG files of other kinds.
 */
export async function readIndexedImage(source: string | Uint8Array): Promise<Image> {
  const bytes = typeof source === 'string' ? await readFile(source) : source;
  return withPicture(bytes, (picture) => {
    const { width, height } = picture;
    if (picture.format !== AV_PIX_FMT_PAL8 && picture.format !== AV_PIX_FMT_GRAY8) {
      throw unreadable('the image has colours instead of indices');
    }
    const data = new Uint8Array(width * height);
    copyPlane(picture, width, data, width);
    return { width, height, data };
  });
}

const pngSignature = [0x89, 0x50, 0x4e, 0x47];

function withPicture<T>(bytes: Uint8Array, use: (picture: Frame) => T): T {
  quietCodecLog();
  const isPng = pngSignature.every((byte, at) => bytes[at] === byte);
  const codec = Codec.findDecoder(isPng ? AV_CODEC_ID_PNG : AV_CODEC_ID_MJPEG);
  using context = new CodecContext();
  using packet = new Packet();
  using picture = new Frame();
  if (!isPng && isJpeg(bytes) && !isCompleteJpeg(bytes)) throw unreadable('the JPEG image ends early');
  context.allocContext3(codec);
  context.threadCount = 1;
  packet.alloc();
  picture.alloc();
  // The transform that comes closest to libjpeg's.
  if (!isPng) context.setOption('idct', 'int');
  // Damage is an error: half of a picture, completed by the decoder, would be taken for what was seen.
  context.setOption('err_detect', 'crccheck+explode');
  let code = context.open2Sync(codec);
  if (code >= 0) {
    packet.data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    code = context.sendPacketSync(packet);
  }
  if (code >= 0) {
    code = context.receiveFrameSync(picture);
  }
  if (code < 0) {
    const kind = isPng ? 'PNG' : isJpeg(bytes) ? 'JPEG' : null;
    throw unreadable(
      kind === null ? `this is no JPEG or PNG image (${code})` : `the ${kind} image is damaged (${code})`,
    );
  }
  return use(picture);
}

function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8;
}

function unreadable(message: string): TrackcastError {
  return new TrackcastError('TRACKCAST_SOURCE_UNREADABLE', message);
}
