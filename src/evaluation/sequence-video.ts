import { type FrameLease, fitPixels, type PixelGeometry } from '../buffer/frame.ts';
import { FrameRing } from '../buffer/frame-ring.ts';
import { TrackcastError } from '../errors.ts';
import { H264Decoder } from '../ingest/h264-decoder.ts';
import { H264Encoder } from '../ingest/h264-encoder.ts';
import { readEvenRgb } from './even-picture.ts';

/** A sequence as its camera would have sent it. */
export interface SequenceVideo {
  /** One access unit per picture, Annex B. */
  readonly accessUnits: readonly Uint8Array[];
  /** Even, pixels: the pictures' size without an odd last column or row. */
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
}

export interface CameraOptions {
  readonly framesPerSecond: number;
  /** Seconds from one IDR picture to the next. Default 2. */
  readonly groupSeconds?: number;
  /** Constant rate factor. Default 20. */
  readonly rateFactor?: number;
}

/**
 * Encodes pictures as a live camera does: no reordering, no delay, an IDR picture every two seconds.
 *
 * @param pictures paths of pictures of one size
 * @throws TrackcastError `TRACKCAST_SOURCE_UNREADABLE`
 */
export async function encodePictures(
  pictures: readonly string[],
  options: CameraOptions,
): Promise<SequenceVideo> {
  const { framesPerSecond, groupSeconds = 2, rateFactor = 20 } = options;
  const first = pictures[0];
  if (first === undefined) throw new TrackcastError('TRACKCAST_SOURCE_UNREADABLE', 'no pictures to encode');
  const { width, height } = await readEvenRgb(first);
  using encoder = new H264Encoder({
    width,
    height,
    fps: Math.max(1, Math.round(framesPerSecond)),
    gopSize: Math.max(1, Math.round(groupSeconds * framesPerSecond)),
    crf: rateFactor,
    // The encoder's fastest preset has one vector per macroblock; cameras do better.
    preset: 'veryfast',
  });
  const accessUnits: Uint8Array[] = [];
  for (const path of pictures) {
    const picture = await readEvenRgb(path);
    if (picture.width !== width || picture.height !== height) {
      throw new TrackcastError('TRACKCAST_SOURCE_UNREADABLE', `${path} is not of the size of the first`);
    }
    accessUnits.push(...encoder.encode(picture.data));
  }
  accessUnits.push(...encoder.flush());
  return { accessUnits, width, height, framesPerSecond };
}

/**
 * Decodes a video through the service's own decoder and ring, one chunk per access unit; decoding waits for the
 * reader, so no frame is lost. Each lease must be disposed before the fourth one after it.
 *
 * @throws TrackcastError `TRACKCAST_DECODER_FAILED` when not every picture comes out
 */
export async function* decodeFrames(
  video: SequenceVideo,
  streamId: string,
  geometry: PixelGeometry,
): AsyncGenerator<FrameLease, void, undefined> {
  const lumaLongSide = 512;
  const pixelSize = fitPixels(geometry, video.width, video.height);
  const ring = FrameRing.create({
    streamId,
    slots: 4,
    maxPixelBytes: pixelSize.width * pixelSize.height * 3,
    maxLumaBytes: lumaLongSide * lumaLongSide,
    maxMotionVectors: Math.ceil(video.width / 4) * Math.ceil(video.height / 4),
    policy: 'wait',
  });
  const decoding = pushAll(video, streamId, geometry, lumaLongSide, ring);
  try {
    while ((await ring.waitForFrame()) === 'frame') {
      const lease = ring.leaseNext();
      if (lease !== null) yield lease;
    }
  } finally {
    ring.close();
    await decoding;
  }
  const frames = await decoding;
  if (frames !== video.accessUnits.length) {
    throw new TrackcastError(
      'TRACKCAST_DECODER_FAILED',
      `${frames} of ${video.accessUnits.length} pictures came out`,
      { streamId },
    );
  }
}

async function pushAll(
  video: SequenceVideo,
  streamId: string,
  geometry: PixelGeometry,
  lumaLongSide: number,
  ring: FrameRing,
): Promise<number> {
  using decoder = new H264Decoder({
    streamId,
    geometry,
    lumaLongSide,
    sink: { beginWrite: () => ring.beginWrite() },
  });
  try {
    for (const [sequence, data] of video.accessUnits.entries()) {
      if (ring.closed) break;
      await decoder.push({
        sequence,
        timestampNs: BigInt(Math.round((sequence * 1e9) / video.framesPerSecond)),
        data,
        endOfStream: sequence === video.accessUnits.length - 1,
        receivedAtMs: (sequence * 1000) / video.framesPerSecond,
      });
    }
    return decoder.counters().frames;
  } finally {
    ring.end();
  }
}
