import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { Command, CommanderError } from 'commander';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { registerReplay } from '../../src/commands/replay.ts';
import type { ReplaySummary } from '../../src/commands/replay-run.ts';
import { DemoScene } from '../../src/demo/demo-scene.ts';
import { H264Encoder } from '../../src/ingest/h264-encoder.ts';
import { runLengthIou } from '../../src/mask/mask-iou.ts';
import { encodeRunLength, runLengthBox } from '../../src/mask/run-length.ts';
import {
  type StreamEvent,
  streamEventSchema,
  type TrackMessage,
  trackMessageSchema,
} from '../../src/publish/track-message.ts';

import { temporaryFolder } from '../evaluation/temporary-folder.ts';
import { videoPictures } from '../evaluation/video-pictures.ts';
import { encodeClip } from '../ingest/h264-clips.ts';

const folder = temporaryFolder();
const frames = 5;
const cli = ['--import', 'tsx', 'src/cli.ts', 'replay'];

beforeAll(async () => {
  const scene = new DemoScene({ width: 480, height: 270 });
  using encoder = new H264Encoder({ width: 480, height: 270, fps: 25, gopSize: 25, crf: 20 });
  const units = Array.from({ length: frames }, (_, at) => encoder.encodePlanes(scene.render(at).data));
  await writeFile(folder.path('scene.h264'), Buffer.concat(units.flat()));
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** Runs the command in this process; gives what it printed. */
async function replay(...words: string[]): Promise<string> {
  const printed: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => printed.push(String(chunk)) > 0);
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  registerReplay(program);
  for (const command of program.commands) command.exitOverride().configureOutput({ writeErr: () => {} });
  await program.parseAsync(['node', 'trackcast', 'replay', ...words]);
  return printed.join('');
}

function summaryOf(printed: string): ReplaySummary {
  return JSON.parse(printed.trimEnd().split('\n').at(-1) ?? '');
}

function outcomes({ frames: { tracked, dropped, failed } }: ReplaySummary): number {
  return Object.values(dropped).reduce((sum, count) => sum + count, tracked + failed);
}

async function lines(path: string): Promise<unknown[]> {
  return (await readFile(path, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function isEvent(line: unknown): boolean {
  return typeof line === 'object' && line !== null && 'type' in line;
}

function trackMessageOf(line: unknown): TrackMessage {
  return trackMessageSchema.parse(line);
}

describe('trackcast replay --lossless', () => {
  let summary: ReplaySummary;
  let messages: TrackMessage[];
  let events: StreamEvent[];

  beforeAll(async () => {
    const out = folder.path('tracks.jsonl');
    const overlay = folder.path('overlay.mp4');
    const file = folder.path('scene.h264');
    const words = ['--lossless', '--stream', 'or-3', '--out', out, '--events', '--overlay', overlay];
    summary = summaryOf(await replay(file, ...words));
    const all = await lines(out);
    messages = all.filter((line) => !isEvent(line)).map(trackMessageOf);
    events = all.filter(isEvent).map((line) => streamEventSchema.parse(line));
  }, 60_000);

  it('tracks every frame, each segmented, and says so in one line of JSON', () => {
    expect(summary).toMatchObject({
      streamId: 'or-3',
      mode: 'lossless',
      end: 'ended',
      frames: { received: frames, tracked: frames, failed: 0 },
      provenance: { segmented: frames, propagated: 0 },
      segmentations: frames,
    });
    expect(outcomes(summary)).toBe(frames);
    expect(summary.latencyMs.endToEndPropagated).toBeNull();
    expect(summary.latencyMs.track?.p50).toBeLessThanOrEqual(summary.latencyMs.endToEnd?.p50 ?? 0);
  });

  it('writes one message per frame, in order', () => {
    expect(messages.map(({ frame }) => frame.index)).toEqual(Array.from({ length: frames }, (_, at) => at));
    expect(messages.every(({ streamId }) => streamId === 'or-3')).toBe(true);
  });

  it('counts and tells of every track', () => {
    const ids = new Set(messages.flatMap(({ tracks }) => tracks.map(({ id }) => id)));
    expect(ids.size).toBeGreaterThanOrEqual(3);
    expect(summary.tracks.distinct).toBe(ids.size);
    const created = events.flatMap((event) => (event.type === 'track.created' ? [event.trackId] : []));
    expect(new Set(created).size).toBe(created.length);
    expect(created).toEqual(expect.arrayContaining([...ids]));
    expect(summary.tracks.events.created).toBe(created.length);
  });

  it('keeps the id of every object from frame to frame', () => {
    let pairs = 0;
    messages.slice(1).forEach(({ tracks }, before) => {
      for (const track of tracks) {
        const same = messages[before]?.tracks.find(({ id }) => id === track.id);
        if (track.mask === null || same === undefined || same.mask === null) continue;
        pairs += 1;
        expect(runLengthIou(track.mask, same.mask), `object ${track.id}`).toBeGreaterThan(0.5);
      }
    });
    expect(pairs).toBeGreaterThanOrEqual(2 * (frames - 1));
  });

  it('draws every picture of the input once', async () => {
    expect(summary.overlay).toEqual({ frames, tracked: frames });
    expect(await videoPictures(folder.path('overlay.mp4'))).toHaveLength(frames);
  });
});

describe('trackcast replay', () => {
  it('plays in real time, as many frames as asked, and finds no objects by itself where told so', async () => {
    const printed = await replay(folder.path('scene.h264'), '--max-frames', '3', '--no-auto');
    const summary = summaryOf(printed);
    expect(printed.trimEnd().split('\n')).toHaveLength(1);
    expect(summary).toMatchObject({ mode: 'realtime', end: 'ended', streamId: 'scene', segmentations: 0 });
    expect(summary.frames.received).toBe(3);
    expect(outcomes(summary)).toBe(3);
    expect(summary.tracks.distinct).toBe(0);
    expect(summary.overlay).toBeUndefined();
  }, 60_000);

  it('ends cleanly when interrupted, with all frames accounted for and the part that was played drawn', async () => {
    const long = folder.path('long.h264');
    const out = folder.path('interrupted.jsonl');
    const overlay = folder.path('interrupted.mp4');
    await writeFile(long, Buffer.concat(encodeClip({ frames: 1500, gopSize: 50 })));
    const words = [...cli, long, '--no-auto', '--out', out, '--overlay', overlay];
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    const printed = text(child.stdout);
    const exited = once(child, 'exit');
    await vi.waitFor(async () => expect((await stat(out)).size).toBeGreaterThan(0), { timeout: 25_000 });
    child.kill('SIGINT');
    const [code] = await exited;
    const summary = summaryOf(await printed);
    expect(code).toBe(0);
    expect(summary.end).toBe('interrupted');
    expect(summary.frames.received).toBeLessThan(1500);
    expect(outcomes(summary)).toBe(summary.frames.received);
    expect(await lines(out)).toHaveLength(summary.frames.tracked);
    expect(summary.overlay?.tracked).toBe(summary.frames.tracked);
    expect(await videoPictures(overlay)).toHaveLength(summary.frames.tracked);
  }, 60_000);

  it('says with an error and a code what it cannot read, before anything is loaded', async () => {
    await writeFile(folder.path('text.mp4'), 'no video');
    const started = promisify(execFile)(process.execPath, [...cli, folder.path('text.mp4')]);
    await expect(started).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('TRACKCAST_SOURCE_UNREADABLE'),
    });
    const missing = replay(folder.path('missing.mp4'));
    await expect(missing).rejects.toMatchObject({ code: 'TRACKCAST_SOURCE_UNREADABLE' });
  });

  it.each(['--out', '--overlay'])('says what it cannot write: %s', async (option) => {
    const file = folder.path('scene.h264');
    await expect(replay(file, option, folder.path('nowhere', 'file.mp4'))).rejects.toMatchObject({
      code: 'TRACKCAST_OUTPUT_UNWRITABLE',
    });
  });

  it.each([
    { name: 'both ways of time', words: ['--realtime', '--lossless'] },
    { name: 'an unknown tracker', words: ['--tracker', 'magic'] },
    { name: 'no frames', words: ['--max-frames', '0'] },
  ])('refuses $name', async ({ words }) => {
    await expect(replay(folder.path('scene.h264'), ...words)).rejects.toBeInstanceOf(CommanderError);
  });

  it('says that iou tracked where video mode is off, and refuses mobile_sam there', async () => {
    const settings = folder.path('frame-by-frame.yaml');
    await writeFile(settings, 'VIDEO_MODE: false\n');
    const words = [folder.path('scene.h264'), '--config', settings, '--max-frames', '1', '--no-auto'];
    expect(summaryOf(await replay(...words)).tracker).toBe('iou');
    await expect(replay(...words, '--tracker', 'mobile_sam')).rejects.toMatchObject({
      code: 'TRACKCAST_CONFIG_INVALID',
      place: { key: '--tracker' },
    });
  }, 60_000);

  it('refuses a stream id that cannot be one', async () => {
    await expect(replay(folder.path('scene.h264'), '--stream', 'a b')).rejects.toMatchObject({
      code: 'TRACKCAST_CONFIG_INVALID',
    });
  });
});

describe('trackcast replay --prompts', () => {
  const video = () => folder.path('scene.h264');
  const prompts = () => folder.path('prompts.json');

  /** The truth about an object of the scene on a frame. */
  function truth(object: number, frame: number) {
    const mask = new DemoScene({ width: 480, height: 270 }).masks(frame).map((id) => Number(id === object));
    return encodeRunLength(mask, 480, 270);
  }

  beforeAll(async () => {
    const box = runLengthBox(truth(2, 1));
    const entries = [
      { frame: 0, objectId: 9, mask: truth(1, 0), label: 'first' },
      { frame: 1, objectId: 4, box: [box?.x, box?.y, box?.width, box?.height] },
      { frame: 3, objectId: 9, remove: true },
    ];
    await writeFile(prompts(), JSON.stringify(entries));
  });

  it('tracks what it was shown, from its frame on, the same in every run', async () => {
    const out = folder.path('prompted.jsonl');
    const overlay = folder.path('prompted.mp4');
    const words = [video(), '--prompts', prompts(), '--no-auto', '--events', '--stream', 'or-3'];
    const summary = summaryOf(await replay(...words, '--out', out, '--overlay', overlay));
    expect(summary).toMatchObject({
      file: video(),
      streamId: 'or-3',
      mode: 'lossless',
      tracker: 'mobile_sam',
      end: 'ended',
      prompts: { given: 3, used: 3 },
      frames: { received: frames, tracked: frames, failed: 0 },
      tracks: { distinct: 2, events: { created: 2, removed: 1 } },
      overlay: { frames },
    });
    expect(await videoPictures(overlay)).toHaveLength(frames);
    const messages = (await lines(out)).filter((line) => !isEvent(line)).map(trackMessageOf);
    const ids = messages.map(({ tracks }) => tracks.map(({ id }) => id));
    expect(ids).toEqual([[9], [9, 4], [9, 4], [4], [4]]);
    expect(messages[0]?.tracks[0]).toMatchObject({ label: 'first', author: 'person', state: 'active' });
    expect(messages.map(({ frame }) => Number(frame.timestampNs) / 1e6)).toEqual([0, 40, 80, 120, 160]);
    for (const { frame, tracks } of messages) {
      for (const { id, mask } of tracks) {
        const shown = truth(id === 9 ? 1 : 2, frame.index);
        const iou = mask === null ? 0 : runLengthIou(mask, shown);
        expect(iou, `object ${id} on frame ${frame.index}`).toBeGreaterThan(0.7);
      }
    }
    const again = folder.path('again.jsonl');
    await replay(...words, '--out', again, '--max-frames', '2');
    const beginning = await readFile(again, 'utf8');
    expect(beginning).not.toBe('');
    expect((await readFile(out, 'utf8')).startsWith(beginning)).toBe(true);
  }, 60_000);

  it('finds further objects itself, with free ids, unless told not to', async () => {
    const out = folder.path('automatic.jsonl');
    const words = ['--prompts', prompts(), '--tracker', 'iou', '--max-frames', '2', '--out', out];
    const summary = summaryOf(await replay(video(), ...words));
    expect(summary).toMatchObject({
      tracker: 'iou',
      frames: { tracked: 2 },
      prompts: { given: 3, used: 2 },
    });
    const [first] = (await lines(out)).map(trackMessageOf);
    expect(first?.tracks.length).toBeGreaterThan(1);
    for (const { id, author } of first?.tracks ?? []) expect(id > 9).toBe(author === 'strategy');
  }, 60_000);

  it('ends cleanly when interrupted', async () => {
    const long = folder.path('prompted-long.h264');
    const out = folder.path('prompted-interrupted.jsonl');
    await writeFile(long, Buffer.concat(encodeClip({ frames: 1500, gopSize: 50 })));
    await writeFile(folder.path('none.json'), '[]');
    const words = [...cli, long, '--prompts', folder.path('none.json'), '--no-auto', '--out', out];
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    const printed = text(child.stdout);
    const exited = once(child, 'exit');
    await vi.waitFor(async () => expect((await stat(out)).size).toBeGreaterThan(0), { timeout: 25_000 });
    child.kill('SIGINT');
    expect((await exited)[0]).toBe(0);
    const summary = summaryOf(await printed);
    expect(summary.end).toBe('interrupted');
    expect(summary.frames.tracked).toBeLessThan(1500);
    expect(await lines(out)).toHaveLength(summary.frames.tracked);
  }, 60_000);

  it('says which prompt is wrong, before anything is loaded or with what was tracked until then', async () => {
    const wrong = folder.path('wrong.json');
    const words = [video(), '--prompts', wrong, '--no-auto'];
    await writeFile(wrong, JSON.stringify([{ frame: 99, objectId: 1, points: [[1, 1, 1]] }]));
    await expect(replay(...words)).rejects.toThrow(
      /^entry 1 \(frame 99, object 1\): the recording has 5 frames/,
    );
    await writeFile(wrong, JSON.stringify([{ frame: 1, objectId: 1, points: [[500, 1, 1]] }]));
    const late = folder.path('late.jsonl');
    await expect(replay(...words, '--out', late)).rejects.toMatchObject({
      code: 'TRACKCAST_PROMPT_INVALID',
      message: expect.stringMatching(/^entry 1 \(frame 1, object 1\): point 500,1 is outside/),
    });
    expect(await lines(late)).toHaveLength(1);
    await expect(replay(video(), '--prompts', folder.path('missing.json'))).rejects.toMatchObject({
      code: 'TRACKCAST_SOURCE_UNREADABLE',
    });
  }, 60_000);

  it.each([
    { key: '--logits', words: ['--tracker', 'mobile_sam', '--logits', 'somewhere'] },
    { key: '--prompts-ahead', words: ['--tracker', 'iou', '--prompts-ahead'] },
  ])('refuses $key without SAM 2', async ({ key, words }) => {
    await expect(replay(video(), '--prompts', prompts(), ...words)).rejects.toMatchObject({
      code: 'TRACKCAST_CONFIG_INVALID',
      place: { key },
    });
  });

  it.each([
    { key: '--logits', words: ['--logits', 'somewhere'] },
    { key: '--prompts-ahead', words: ['--prompts-ahead'] },
    { key: '--raw-size', words: ['--raw-size', '4x4'] },
  ])('refuses $key without prompts', async ({ key, words }) => {
    await expect(replay(video(), ...words)).rejects.toMatchObject({
      code: 'TRACKCAST_CONFIG_INVALID',
      place: { key },
    });
  });

  it.each(['.', 'frames.rgb', 'frames.safetensors'])('is needed to read %s', async (name) => {
    await expect(replay(folder.path(name))).rejects.toMatchObject({
      code: 'TRACKCAST_CONFIG_INVALID',
      message: expect.stringContaining('--prompts'),
    });
  });

  it.each([
    { name: 'real time', words: ['--realtime'] },
    { name: 'a size that is none', words: ['--raw-size', '640'] },
    { name: 'an image size that is none', words: ['--image-size', 'large'] },
    { name: 'an image size that no model has', words: ['--image-size', '100'] },
  ])('refuses $name', async ({ words }) => {
    await expect(replay(video(), '--prompts', prompts(), ...words)).rejects.toBeInstanceOf(CommanderError);
  });

  it('takes --model for SAM 2, and says how to get what is not there', async () => {
    vi.stubEnv('MODEL_DIR', folder.path('models'));
    try {
      const missing = replay(video(), '--prompts', prompts(), '--model', 'sam2.1-large');
      await expect(missing).rejects.toMatchObject({ code: 'TRACKCAST_MODEL_MISSING' });
    } finally {
      vi.unstubAllEnvs();
    }
  });
});
