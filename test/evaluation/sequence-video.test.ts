import { beforeAll, describe, expect, it } from 'vitest';
import { motionVectorStride } from '../../src/buffer/frame.ts';
import { findSequences, type Sequence } from '../../src/evaluation/sequence.ts';
import { decodeFrames, encodePictures } from '../../src/evaluation/sequence-video.ts';
import { writeSequence } from './synthetic-sequence.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
const geometry = { kind: 'fit', longSide: 128, multipleOf: 16 } as const;
const rectangle = { objectId: 1, start: { x: 16, y: 16, width: 64, height: 48 }, speed: 4, firstFrame: 0 };
let sequence: Sequence;

beforeAll(async () => {
  await writeSequence(folder.path('moving'), { width: 161, height: 97, frames: 7, rectangles: [rectangle] });
  const [found] = await findSequences(folder.path('moving'));
  if (found === undefined) throw new RangeError('the sequence is missing');
  sequence = found;
});

/** Median of the horizontal vectors of blocks well inside the rectangle, pixels. */
function medianShift(vectors: Int16Array, left: number): number {
  const shifts: number[] = [];
  for (let at = 0; at < vectors.length; at += motionVectorStride) {
    const [x = 0, y = 0, , , fromX = 0] = vectors.subarray(at, at + motionVectorStride);
    if (x > left + 8 && x < left + 56 && y > 24 && y < 56) shifts.push(fromX / 4);
  }
  return shifts.sort((one, other) => one - other)[shifts.length >> 1] ?? Number.NaN;
}

describe('encodePictures and decodeFrames', () => {
  it('send every picture as one access unit, an IDR picture every two seconds, at an even size', async () => {
    const video = await encodePictures(sequence.pictures, { framesPerSecond: 2 });
    expect(video).toMatchObject({ width: 160, height: 96 });
    expect(video.accessUnits).toHaveLength(7);
    const seen: unknown[] = [];
    for await (const lease of decodeFrames(video, 'camera', geometry)) {
      using frame = lease;
      const { index, isKeyframe, timestampNs, width, height, pixelSize } = frame;
      seen.push([index, isKeyframe, Number(timestampNs) / 1e9, width, height, pixelSize.contentWidth]);
    }
    expect(seen).toEqual(Array.from({ length: 7 }, (_, i) => [i, i % 4 === 0, i / 2, 160, 96, 128]));
  });

  it('give the motion that the camera encoded', async () => {
    const video = await encodePictures(sequence.pictures, { framesPerSecond: 24 });
    for await (const lease of decodeFrames(video, 'camera', geometry)) {
      using frame = lease;
      if (frame.index === 0) expect(frame.motionVectors).toHaveLength(0);
      else {
        const left = rectangle.start.x + rectangle.speed * frame.index;
        expect(medianShift(frame.motionVectors, left)).toBeCloseTo(-rectangle.speed, 0);
      }
    }
  });

  it('stop decoding when the reader stops', async () => {
    const video = await encodePictures(sequence.pictures, { framesPerSecond: 24 });
    let seen = 0;
    for await (const lease of decodeFrames(video, 'camera', geometry)) {
      using frame = lease;
      seen += frame.index + 1;
      break;
    }
    expect(seen).toBe(1);
  });

  it('tell when not every picture comes out', async () => {
    const video = await encodePictures(sequence.pictures, { framesPerSecond: 24 });
    const broken = { ...video, accessUnits: [new Uint8Array([0, 0, 1, 9]), ...video.accessUnits.slice(1)] };
    const read = async () => {
      for await (const lease of decodeFrames(broken, 'camera', geometry)) lease[Symbol.dispose]();
    };
    await expect(read()).rejects.toMatchObject({ code: 'TRACKCAST_DECODER_FAILED' });
  });

  it('refuse pictures of several sizes, and none', async () => {
    await writeSequence(folder.path('other'), { width: 64, height: 64, frames: 1, rectangles: [] });
    const other = folder.path('other', 'JPEGImages', '00000.jpg');
    const unreadable = { code: 'TRACKCAST_SOURCE_UNREADABLE' };
    const camera = { framesPerSecond: 24 };
    await expect(encodePictures([...sequence.pictures, other], camera)).rejects.toMatchObject(unreadable);
    await expect(encodePictures([], camera)).rejects.toMatchObject(unreadable);
  });
});
