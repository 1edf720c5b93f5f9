import { mkdir, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { encodePicture } from '../../src/evaluation/picture-file.ts';
import { VideoFileWriter } from '../../src/evaluation/video-file-writer.ts';
import { writeSafetensors } from '../../src/model/checkpoint/safetensors-writer.ts';
import { isVideoFile, openRecording, type RecordingOptions } from '../../src/replay/open-recording.ts';
import type { RecordedFrame, Recording } from '../../src/replay/recording.ts';
import { temporaryFolder } from '../evaluation/temporary-folder.ts';
import {
  colourDistance,
  colourPicture,
  coloursOfQuarters,
  encodeClip,
  quarterColours,
} from '../ingest/h264-clips.ts';
import { goldenPath, hasGoldens, readGolden } from '../model/sam2/golden.ts';

const folder = temporaryFolder();
const unknownSize: RecordingOptions = { rawSize: null, modelSize: async () => null };

/** All frames, with pixels of their own. */
async function read(recording: Recording): Promise<RecordedFrame[]> {
  const frames: RecordedFrame[] = [];
  for await (const frame of recording.frames()) frames.push({ ...frame, pixels: frame.pixels.slice() });
  return frames;
}

async function open(path: string, options: Partial<RecordingOptions> = {}) {
  const recording = await openRecording(path, { ...unknownSize, ...options });
  return { recording, frames: await read(recording) };
}

async function folderOf(name: string, files: Readonly<Record<string, Uint8Array>>): Promise<string> {
  await mkdir(folder.path(name), { recursive: true });
  for (const [file, bytes] of Object.entries(files)) await writeFile(folder.path(name, file), bytes);
  return folder.path(name);
}

/** A plain picture of a grey level. */
function grey(level: number, width = 4, height = 4): Uint8Array {
  return new Uint8Array(width * height * 3).fill(level);
}

function png(level: number, width = 4, height = 4): Uint8Array {
  return encodePicture({ width, height, data: grey(level, width, height) }, 'png');
}

const levelsOf = (frames: readonly RecordedFrame[]) => frames.map(({ pixels }) => pixels[0]);

describe('a folder of pictures', () => {
  it('is read exactly, in the order of names, and nothing else in it', async () => {
    const path = await folderOf('pictures', {
      'b.PNG': png(20),
      'a.png': png(10),
      '.hidden.png': png(99),
      'notes.txt': Buffer.from('no picture'),
    });
    const { recording, frames } = await open(path);
    expect(recording).toMatchObject({ kind: 'pictures', frameCount: 2 });
    expect(frames.map(({ index }) => index)).toEqual([0, 1]);
    expect(frames.map(({ pixels }) => pixels)).toEqual([grey(10), grey(20)]);
    expect(frames.map(({ timestampNs }) => timestampNs)).toEqual([0n, 40_000_000n]);
  });

  it('is read in the order of numbers where all names are numbers', async () => {
    const path = await folderOf('numbers', { '10.png': png(3), '2.png': png(2), '001.png': png(1) });
    expect(levelsOf((await open(path)).frames)).toEqual([1, 2, 3]);
  });

  it('may hold pictures of several sizes and kinds', async () => {
    const jpeg = encodePicture({ width: 32, height: 16, data: colourPicture(32, 16) }, 'jpeg');
    const path = await folderOf('sizes', { '0.png': png(1, 3, 5), '1.jpg': jpeg });
    const { frames } = await open(path);
    expect(frames.map(({ width, height }) => [width, height])).toEqual([
      [3, 5],
      [32, 16],
    ]);
    const colours = coloursOfQuarters(frames[1]?.pixels ?? grey(0), 32, 16);
    expect(colourDistance(colours, quarterColours)).toBeLessThan(8);
  });

  it('names the file that is no picture', async () => {
    const path = await folderOf('broken', { '0.png': png(1), '1.png': Buffer.from('no picture') });
    await expect(open(path)).rejects.toMatchObject({
      code: 'TRACKCAST_SOURCE_UNREADABLE',
      place: { key: folder.path('broken', '1.png') },
    });
  });

  it('names the picture that was cut off', async () => {
    const jpeg = encodePicture({ width: 32, height: 16, data: colourPicture(32, 16) }, 'jpeg');
    const path = await folderOf('cut', { '0.jpg': jpeg, '1.jpg': jpeg.subarray(0, jpeg.length - 2) });
    await expect(open(path)).rejects.toMatchObject({
      code: 'TRACKCAST_SOURCE_UNREADABLE',
      message: `${folder.path('cut', '1.jpg')}: the JPEG image ends early`,
      place: { key: folder.path('cut', '1.jpg') },
    });
  });

  it.each([
    { name: 'nothing', files: {} },
    { name: 'nothing of use', files: { 'a.txt': grey(0) } },
    { name: 'pictures and raw frames', files: { 'a.png': png(1), 'b.rgb': grey(1) } },
  ])('cannot hold $name', async ({ name, files }) => {
    const path = await folderOf(name, files);
    await expect(open(path)).rejects.toMatchObject({ code: 'TRACKCAST_SOURCE_UNREADABLE' });
  });
});

describe('raw frames', () => {
  it('lie one after the other in a file of a given size', async () => {
    const path = folder.path('video.rgb');
    await writeFile(path, Buffer.concat([grey(1, 5, 3), grey(2, 5, 3), grey(3, 5, 3)]));
    const { recording, frames } = await open(path, { rawSize: { width: 5, height: 3 } });
    expect(recording).toMatchObject({ kind: 'raw', frameCount: 3 });
    expect(frames.map(({ pixels }) => pixels)).toEqual([grey(1, 5, 3), grey(2, 5, 3), grey(3, 5, 3)]);
    expect(frames[0]).toMatchObject({ width: 5, height: 3 });
  });

  it('have the size of the model where none is given', async () => {
    const path = folder.path('model.raw');
    await writeFile(path, Buffer.concat([grey(1), grey(2)]));
    const { frames } = await open(path, { modelSize: async () => ({ width: 4, height: 4 }) });
    expect(levelsOf(frames)).toEqual([1, 2]);
  });

  it('may lie in one file each, square or of a given size', async () => {
    const path = await folderOf('raw', { '0.rgb': grey(7), '1.rgb': grey(8) });
    const { frames } = await open(path);
    expect(frames.map(({ width, height }) => [width, height])).toEqual([
      [4, 4],
      [4, 4],
    ]);
    expect(levelsOf(frames)).toEqual([7, 8]);
    expect((await open(path, { rawSize: { width: 8, height: 2 } })).frames[1]).toMatchObject({ width: 8 });
  });

  it.each([
    { name: 'a file of no known size', file: grey(1), options: {} },
    { name: 'half a frame', file: grey(1), options: { rawSize: { width: 3, height: 4 } } },
    { name: 'an empty file', file: grey(1, 0, 0), options: { rawSize: { width: 3, height: 4 } } },
    { name: 'frames without pixels', file: grey(1), options: { rawSize: { width: 0, height: 4 } } },
  ])('cannot be $name', async ({ file, options }) => {
    await writeFile(folder.path('bad.rgb'), file);
    await expect(open(folder.path('bad.rgb'), options)).rejects.toMatchObject({
      code: 'TRACKCAST_SOURCE_UNREADABLE',
      place: { key: folder.path('bad.rgb') },
    });
  });

  it('cannot be of different sizes in a folder', async () => {
    const path = await folderOf('uneven', { '0.rgb': grey(7), '1.rgb': grey(8, 5, 5) });
    await expect(open(path)).rejects.toMatchObject({ place: { key: folder.path('uneven', '1.rgb') } });
  });

  it('are the only ones that have a size given', async () => {
    const path = await folderOf('sized', { '0.png': png(1) });
    await expect(open(path, { rawSize: { width: 4, height: 4 } })).rejects.toMatchObject({
      code: 'TRACKCAST_SOURCE_UNREADABLE',
    });
  });
});

describe('a tensor of frames', () => {
  it('is read frame by frame', async () => {
    const path = folder.path('frames.safetensors');
    const data = Buffer.concat([grey(1, 5, 3), grey(2, 5, 3)]);
    await writeSafetensors(path, [{ name: 'frames', type: 'U8', shape: [2, 3, 5, 3], data }]);
    const { recording, frames } = await open(path);
    expect(recording).toMatchObject({ kind: 'tensor', frameCount: 2 });
    expect(frames[1]).toMatchObject({ index: 1, width: 5, height: 3, pixels: grey(2, 5, 3) });
  });

  it.each([
    { name: 'frames', shape: [2, 3, 5] },
    { name: 'frames', shape: [3, 5, 2, 1] },
    { name: 'pictures', shape: [1, 2, 5, 3] },
    { name: 'frames', shape: [0, 2, 5, 3] },
  ])('cannot be named $name and of shape $shape', async ({ name, shape }) => {
    const path = folder.path('other.safetensors');
    const data = new Uint8Array(shape.reduce((product, size) => product * size, 1));
    await writeSafetensors(path, [{ name, type: 'U8', shape, data }]);
    await expect(open(path)).rejects.toMatchObject({ code: 'TRACKCAST_SOURCE_UNREADABLE' });
  });

  it.skipIf(!hasGoldens)('is the golden video', async () => {
    const { frames } = await open(goldenPath('video.safetensors'));
    const golden = readGolden('video').bytes('frames');
    expect(frames).toHaveLength(24);
    expect(frames.every(({ width, height }) => width === 256 && height === 256)).toBe(true);
    expect(Buffer.concat(frames.map(({ pixels }) => pixels)).equals(golden)).toBe(true);
  });
});

describe('a video file', () => {
  it('is decoded in its own colours and times, and its length is known where it is short', async () => {
    const path = folder.path('short.mp4');
    const writer = await VideoFileWriter.create({ path, width: 64, height: 32 });
    for (const at of [0n, 40n, 140n]) await writer.write(colourPicture(64, 32), at * 1_000_000n);
    await writer.finish();
    await writer.close();
    const { recording, frames } = await open(path);
    expect(recording).toMatchObject({ kind: 'video', frameCount: 3 });
    expect(frames.map(({ timestampNs }) => Number(timestampNs) / 1e6)).toEqual([0, 40, 140]);
    expect(frames.map(({ isKeyframe }) => isKeyframe)).toEqual([true, false, false]);
    expect(frames.map(({ index }) => index)).toEqual([0, 1, 2]);
    for (const { pixels } of frames) {
      expect(colourDistance(coloursOfQuarters(pixels, 64, 32), quarterColours)).toBeLessThan(8);
    }
  });

  it('gives the same pixels each time it is read, and no length where it is long', async () => {
    const path = folder.path('long.h264');
    await writeFile(path, Buffer.concat(encodeClip({ frames: 16 })));
    const { recording, frames } = await open(path);
    expect(recording.frameCount).toBeNull();
    expect(frames).toHaveLength(16);
    expect(await read(recording)).toEqual(frames);
  });

  it('can be left before its end', async () => {
    const path = folder.path('left.h264');
    await writeFile(path, Buffer.concat(encodeClip({ frames: 20 })));
    const recording = await openRecording(path, unknownSize);
    for await (const frame of recording.frames()) if (frame.index === 2) break;
    expect(await read(recording)).toHaveLength(20);
  });

  it.each(['missing.mp4', 'missing.rgb', 'missing.safetensors', 'missing'])(
    'or anything else that is not there is an error: %s',
    async (name) => {
      await expect(open(folder.path(name))).rejects.toMatchObject({ code: 'TRACKCAST_SOURCE_UNREADABLE' });
    },
  );
});

describe('isVideoFile', () => {
  it.each([
    ['clip.mp4', true],
    ['clip.h264', true],
    ['clip.rgb', false],
    ['clip.RAW', false],
    ['clip.safetensors', false],
  ])('tells %s: %s', async (name, isVideo) => {
    expect(await isVideoFile(folder.path(name))).toBe(isVideo);
  });

  it('knows that a folder is none', async () => {
    expect(await isVideoFile(folder.path())).toBe(false);
  });
});
