import { describe, expect, it } from 'vitest';
import type { TrackcastError } from '../../src/errors.ts';
import type { SegmentationRequest } from '../../src/tracker/segmentation.ts';
import type { SegmentationCommand, SegmentationReport } from '../../src/tracker/segmentation-messages.ts';
import { WorkerLane } from '../../src/tracker/worker-lane.ts';
import { blankFrame } from './blank-frame.ts';
import { FakeWorker } from './fake-worker.ts';
import { resultOf } from './scripted-lane.ts';

function open() {
  const worker = new FakeWorker<SegmentationCommand, SegmentationReport>();
  const said: string[] = [];
  const lane = new WorkerLane(
    { executionProviders: ['cpu'], intraOpThreads: 1 },
    {
      onReady: (provider, refused) => said.push(`ready ${provider} ${refused.join()}`),
      onFailing: (error: TrackcastError) => said.push(`failing ${error.code} ${error.message}`),
      onRecovered: () => said.push('recovered'),
      onUnusable: (error: TrackcastError) => said.push(`${error.code} ${error.message}`),
    },
    () => worker.asWorker(),
  );
  const finish = (streamId: string, frameIndex: number) => {
    worker.report({ kind: 'result', result: resultOf(request(streamId, frameIndex), {}) });
  };
  return { worker, lane, said, finish };
}

function openReady() {
  const opened = open();
  opened.worker.report({ kind: 'ready', provider: 'cpu', refused: [] });
  return opened;
}

function request(streamId: string, frameIndex: number): SegmentationRequest {
  const { pixels, pixelSize, width, height } = blankFrame(frameIndex);
  const nothing = { targets: [], prompted: [], gridPoints: new Float32Array(0), forgotten: [] };
  return { streamId, frameIndex, pixels, pixelSize, width, height, ...nothing, forgetAll: false };
}

const isSettled = async (promise: Promise<unknown>): Promise<boolean> => {
  let settled = false;
  void promise.then(() => {
    settled = true;
  });
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  return settled;
};

describe('WorkerLane', () => {
  it('takes nothing before the models are warm', () => {
    const { lane, worker, said } = open();
    expect(lane.canStart('a')).toBe(false);
    worker.report({ kind: 'ready', provider: 'cpu', refused: ['cuda: not built in'] });
    expect(said).toEqual(['ready cpu cuda: not built in']);
    expect(lane.canStart('a')).toBe(true);
  });

  it('hands over a copy of the pixels, whose slot is free at once', async () => {
    const { lane, worker } = openReady();
    const asked = request('a', 1);
    lane.canStart('a');
    await lane.start(asked);
    asked.pixels?.fill(0);
    const [command] = worker.commands;
    const sent = command?.kind === 'segment' ? command.request : null;
    expect(sent).toMatchObject({ streamId: 'a', frameIndex: 1 });
    expect(sent?.pixels?.length).toBe(asked.pixels?.length);
    expect(sent?.pixels?.every((value) => value === 128)).toBe(true);
    expect(sent?.pixels?.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it('lets a stream for which a person waits go first, and others wait for it', () => {
    const { lane, finish } = openReady();
    for (const streamId of ['a', 'b']) lane.canStart(streamId);
    void lane.start(request('a', 1));
    finish('a', 1);
    lane.take('a');
    // It is the turn of b, but a person waits for a.
    expect(lane.canStart('b')).toBe(true);
    expect(lane.canStart('a')).toBe(false);
    expect(lane.canStart('a', true)).toBe(true);
    expect(lane.canStart('b')).toBe(false);
    void lane.start(request('a', 2));
    finish('a', 2);
    lane.take('a');
    expect(lane.canStart('b')).toBe(true);
  });

  it('sends no pixels where none are needed, which takes no turn', () => {
    const { lane, worker, finish } = openReady();
    for (const streamId of ['a', 'b']) lane.canStart(streamId);
    void lane.start(request('b', 1));
    finish('b', 1);
    lane.take('b');
    void lane.start({ ...request('a', 1), pixels: null });
    expect(worker.commands.at(-1)).toMatchObject({ kind: 'segment', request: { pixels: null } });
    finish('a', 1);
    lane.take('a');
    expect(lane.canStart('a')).toBe(true);
    expect(lane.canStart('b')).toBe(false);
  });

  it('refuses a request while another is under way, whose pixels it would overwrite', async () => {
    const { lane, worker } = openReady();
    expect(lane.canStart('a')).toBe(true);
    await lane.start(request('a', 1));
    await expect(lane.start(request('b', 1))).rejects.toThrow(/busy/);
    expect(worker.commands).toHaveLength(1);
  });

  it('keeps the outcome of a closed stream from the stream that takes its name', async () => {
    const { lane, finish } = openReady();
    lane.canStart('a');
    await lane.start(request('a', 1));
    lane.closeStream('a');
    lane.canStart('a');
    finish('a', 1);
    expect(lane.take('a')).toBeNull();
    expect(lane.canStart('a')).toBe(true);
    await lane.start(request('a', 2));
    finish('a', 2);
    expect(lane.take('a')).toMatchObject({ kind: 'result', result: { frameIndex: 2 } });
  });

  it('does one thing at a time, and gives each outcome once to its own stream', async () => {
    const { lane, finish } = openReady();
    expect(lane.canStart('a')).toBe(true);
    await lane.start(request('a', 1));
    expect(lane.canStart('a') || lane.canStart('b')).toBe(false);
    const wait = lane.finished('a');
    expect(await isSettled(wait)).toBe(false);
    expect(await isSettled(lane.finished('b'))).toBe(true);
    finish('a', 1);
    await wait;
    expect(lane.take('b')).toBeNull();
    // Its own outcome comes first.
    expect(lane.canStart('a')).toBe(false);
    expect(lane.take('a')).toMatchObject({ kind: 'result', result: { frameIndex: 1 } });
    expect(lane.take('a')).toBeNull();
  });

  it('lets streams take turns, the one that has waited longest first', async () => {
    const { lane, finish } = openReady();
    const streams = ['a', 'b', 'c'];
    const served: string[] = [];
    for (const stream of streams) lane.canStart(stream);
    for (let round = 0; round < 9; round++) {
      // All ask, always in the same order; the first that may starts.
      const first = streams.find((stream) => lane.canStart(stream)) ?? 'none';
      served.push(first);
      await lane.start(request(first, round));
      for (const stream of streams) expect(lane.canStart(stream)).toBe(false);
      finish(first, round);
      expect(lane.take(first)).not.toBeNull();
    }
    expect(served).toEqual([...streams, ...streams, ...streams]);
  });

  it('does not wait for a stream that has closed', async () => {
    const { lane, worker, finish } = openReady();
    lane.canStart('a');
    lane.canStart('b');
    await lane.start(request('a', 1));
    finish('a', 1);
    lane.take('a');
    expect(lane.canStart('a')).toBe(false);
    lane.closeStream('b');
    expect(lane.canStart('a')).toBe(true);
    expect(worker.commands.at(-1)).toEqual({ kind: 'close_stream', streamId: 'b' });
  });

  it('keeps no outcome of a stream that has closed meanwhile', async () => {
    const { lane, finish } = openReady();
    lane.canStart('a');
    await lane.start(request('a', 1));
    lane.closeStream('a');
    finish('a', 1);
    expect(lane.take('a')).toBeNull();
    expect(lane.canStart('b')).toBe(true);
  });

  it('gives a failed segmentation to its stream and goes on', async () => {
    const { lane, worker, said } = openReady();
    lane.canStart('a');
    await lane.start(request('a', 4));
    const wait = lane.finished('a');
    const failed = { kind: 'failed', streamId: 'a', frameIndex: 4, message: 'no memory' } as const;
    worker.report({ ...failed, code: 'TRACKCAST_INFERENCE_FAILED' });
    await wait;
    expect(lane.take('a')).toMatchObject({
      kind: 'failure',
      failure: { frameIndex: 4, error: { code: 'TRACKCAST_INFERENCE_FAILED', message: 'no memory' } },
    });
    expect(lane.canStart('a')).toBe(true);
    expect(said).toEqual(['ready cpu ']);
  });

  it('says once that the device fails again and again, and when it works again', async () => {
    const { lane, worker, said, finish } = openReady();
    const fail = async (streamId: string, message: string) => {
      lane.canStart(streamId);
      await lane.start(request(streamId, 1));
      const failed = { kind: 'failed', streamId, frameIndex: 1, message } as const;
      worker.report({ ...failed, code: 'TRACKCAST_INFERENCE_FAILED' });
      lane.take(streamId);
    };
    const succeed = async () => {
      lane.canStart('a');
      await lane.start(request('a', 2));
      finish('a', 2);
      lane.take('a');
    };
    said.length = 0;
    for (let failures = 0; failures < 4; failures++) await fail('a', 'no memory');
    await succeed();
    for (const streamId of ['a', 'b', 'a', 'b']) await fail(streamId, 'no memory');
    expect(said).toEqual([]);
    await fail('c', 'still no memory');
    await fail('c', 'still no memory');
    expect(said).toEqual(['failing TRACKCAST_INFERENCE_FAILED still no memory']);
    await succeed();
    await succeed();
    expect(said.slice(1)).toEqual(['recovered']);
  });

  it('says once that its worker died, and lets nobody wait for it', async () => {
    const { lane, worker, said } = openReady();
    lane.canStart('a');
    await lane.start(request('a', 4));
    const wait = lane.finished('a');
    worker.die('segmentation fault');
    await wait;
    expect(said.slice(1)).toEqual(['TRACKCAST_WORKER_DIED segmentation fault']);
    expect(lane.take('a')).toMatchObject({
      kind: 'failure',
      failure: { frameIndex: 4, error: { code: 'TRACKCAST_WORKER_DIED' } },
    });
    expect(lane.canStart('a') || lane.canStart('b')).toBe(false);
    await lane.finished('a');
    await lane.dispose();
  });

  it('notices a worker that leaves without a word', () => {
    const { worker, said } = openReady();
    worker.exit(0);
    expect(said.slice(1)).toEqual(['TRACKCAST_WORKER_DIED the inference worker ended with code 0']);
  });

  it('takes nothing where the models cannot be had', () => {
    const { lane, worker, said } = open();
    worker.report({ kind: 'unusable', code: 'TRACKCAST_MODEL_INVALID', message: 'no such file' });
    expect(said).toEqual(['TRACKCAST_MODEL_INVALID no such file']);
    expect(lane.canStart('a')).toBe(false);
    worker.report({ kind: 'ready', provider: 'cpu', refused: [] });
    expect(lane.canStart('a')).toBe(false);
  });

  it('asks its worker to end and waits until it has', async () => {
    const { lane, worker, said } = openReady();
    const disposal = lane.dispose();
    expect(worker.commands).toEqual([{ kind: 'stop' }]);
    expect(await isSettled(disposal)).toBe(false);
    expect(lane.canStart('a')).toBe(false);
    worker.exit(0);
    await disposal;
    await lane.dispose();
    lane.closeStream('a');
    expect(worker.commands).toHaveLength(1);
    expect(said).toEqual(['ready cpu ']);
  });
});
