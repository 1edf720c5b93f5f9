import { writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { type OverlayVideoOptions, writeOverlayVideo } from '../../src/evaluation/overlay-video.ts';
import { VideoFileWriter } from '../../src/evaluation/video-file-writer.ts';
import { encodeRunLength } from '../../src/mask/run-length.ts';
import { colourPicture, encodeClip, scenePicture } from '../ingest/h264-clips.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { videoPictures } from './video-pictures.ts';

const folder = temporaryFolder();
const width = 96;
const height = 64;
const startTimestampNs = 1_000_000_000_000n;
const frameNs = 40_000_000n;

/** A message about the picture at `index` with one object that covers all of it. */
function message(index: number): string {
  const mask = encodeRunLength(new Uint8Array(width * height).fill(1), width, height);
  const timestampNs = String(startTimestampNs + BigInt(index) * frameNs);
  return JSON.stringify({ frame: { timestampNs }, tracks: [{ id: 1, mask }] });
}

async function overlay(messages: readonly string[], options: Partial<OverlayVideoOptions> = {}) {
  await writeFile(folder.path('tracks.jsonl'), messages.map((line) => `${line}\n`).join(''));
  const output = folder.path('out.mp4');
  const result = await writeOverlayVideo({
    input: folder.path('grey.h264'),
    messages: folder.path('tracks.jsonl'),
    output,
    startTimestampNs,
    maxFrames: Number.POSITIVE_INFINITY,
    endsWithMessages: false,
    ...options,
  });
  return { result, pictures: await videoPictures(output) };
}

beforeAll(async () => {
  const black = () => new Uint8Array(width * height * 3);
  const clip = encodeClip({ frames: 6, width, height, picture: black });
  await writeFile(folder.path('grey.h264'), Buffer.concat(clip));
});

describe('writeOverlayVideo', () => {
  it('draws each message on the picture of its time and leaves pictures without one as they are', async () => {
    const event = JSON.stringify({ type: 'track.created', trackId: 1 });
    const { result, pictures } = await overlay([message(1), event, message(4)]);
    expect(result).toEqual({ frames: 6, tracked: 2 });
    expect(pictures.map(({ meanLuma }) => meanLuma > 30)).toEqual([false, true, false, false, true, false]);
  });

  it('uses as many pictures as asked', async () => {
    const { result, pictures } = await overlay([message(0)], { maxFrames: 4 });
    expect(result).toEqual({ frames: 4, tracked: 1 });
    expect(pictures).toHaveLength(4);
  });

  it('ends with the last message where asked', async () => {
    const { result, pictures } = await overlay([message(0), message(2)], { endsWithMessages: true });
    expect(result).toEqual({ frames: 3, tracked: 2 });
    expect(pictures).toHaveLength(3);
  });

  it('leaves a complete file when it is stopped', async () => {
    const stopping = new AbortController();
    const { result, pictures } = await overlay([message(0)], {
      signal: stopping.signal,
      onProgress: (frames) => frames === 2 && stopping.abort(),
    });
    expect(result.frames).toBe(2);
    expect(pictures).toHaveLength(2);
  });

  it('says what it cannot read or write', async () => {
    await expect(overlay([], { input: folder.path('missing.mp4') })).rejects.toMatchObject({
      code: 'TRACKCAST_SOURCE_UNREADABLE',
    });
    await expect(overlay([], { output: folder.path('nowhere', 'out.mp4') })).rejects.toMatchObject({
      code: 'TRACKCAST_OUTPUT_UNWRITABLE',
    });
  });
});

describe('VideoFileWriter', () => {
  it('shows every picture when its timestamp says, however irregular', async () => {
    const path = folder.path('times.mp4');
    const times = [5_000_000_000n, 5_040_000_000n, 5_100_000_000n, 5_900_000_000n, 5_901_000_000n];
    const writer = await VideoFileWriter.create({ path, width, height });
    try {
      for (const [time, timestampNs] of times.entries()) {
        await writer.write(scenePicture(width, height, time), timestampNs);
      }
      await writer.finish();
    } finally {
      await writer.close();
    }
    const pictures = await videoPictures(path);
    expect(pictures.map(({ timestampNs }) => timestampNs)).toEqual(
      times.map((time) => time - 5_000_000_000n),
    );
  });

  it('keeps pictures whose timestamps do not grow', async () => {
    const path = folder.path('repeated.mp4');
    const writer = await VideoFileWriter.create({ path, width, height });
    try {
      for (const timestampNs of [40n, 40n, 0n]) await writer.write(colourPicture(width, height), timestampNs);
      await writer.finish();
    } finally {
      await writer.close();
    }
    expect(await videoPictures(path)).toHaveLength(3);
  });
});
