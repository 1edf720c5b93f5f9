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
    const isEvent = (line: unknown) => typeof line === 'object' && line !== null && 'type' in line;
    messages = all.filter((line) => !isEvent(line)).map((line) => trackMessageSchema.parse(line));
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
