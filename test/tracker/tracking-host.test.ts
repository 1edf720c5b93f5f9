import { describe, expect, it } from 'vitest';
import { FrameRing } from '../../src/buffer/frame-ring.ts';
import { TrackingHost } from '../../src/tracker/tracking-host.ts';
import type {
  TrackingAnswer,
  TrackingCommand,
  TrackingReport,
  TrackingStreamOptions,
} from '../../src/tracker/tracking-messages.ts';
import type { TrackerCounters } from '../../src/tracker/video-tracker.ts';
import { FakeWorker } from './fake-worker.ts';

const none = { stale: 0, streamClosed: 0, failed: 0 };
const counters: TrackerCounters = {
  segmentations: 1,
  lastSegmentation: null,
  prompts: 0,
  reprompts: { interval: 0, scene_cut: 0, first_frame: 0 },
  rejectedCandidates: {},
};

function open() {
  const worker = new FakeWorker<TrackingCommand, TrackingReport>();
  const said: unknown[][] = [];
  const host = new TrackingHost(
    {
      kind: 'mobile_sam',
      settings: {
        strategy: 'none',
        repromptIntervalFrames: 30,
        maxObjects: 5,
        maxSegmentationsPerSecond: 5,
      },
      models: { executionProviders: ['cpu'], intraOpThreads: 1 },
      waitsForSegmentation: false,
    },
    {
      onReady: (...all) => said.push(['ready', ...all]),
      onUnusable: (error) => said.push(['unusable', error.code]),
      onFailing: (error) => said.push(['failing', error.code, error.message]),
      onRecovered: () => said.push(['recovered']),
      onLookLost: (look) => said.push(['look lost', look]),
      onFrame: (streamId) => said.push(['frame', streamId]),
      onFrameFailed: (streamId, error, untracked) =>
        said.push(['failed', streamId, error.code, error.place.frameIndex, untracked]),
      onStreamEnded: (...all) => said.push(['ended', ...all]),
    },
    () => worker.asWorker(),
  );
  /** Answers the newest request. */
  const answer = (given: TrackingAnswer) => {
    const asked = worker.commands.at(-1);
    if (asked?.kind !== 'request') throw new Error('nothing was asked');
    worker.report({ kind: 'answer', requestId: asked.requestId, answer: given });
  };
  return { worker, host, said, answer };
}

function stream(streamId: string): TrackingStreamOptions {
  const sizes = { slots: 2, maxPixelBytes: 12, maxLumaBytes: 4, maxMotionVectors: 1 };
  const ring = FrameRing.create({ streamId, policy: 'wait', ...sizes });
  return { streamId, ring: ring.handle, lossless: true };
}

const done: TrackingAnswer = { kind: 'done', objectId: null, snapshot: null };

describe('TrackingHost', () => {
  it('passes streams on and reports of them back', () => {
    const { host, worker, said } = open();
    const options = stream('a');
    host.openStream(options);
    host.setPolygons(true);
    host.closeStream('a');
    expect(worker.commands).toEqual([
      { kind: 'open', options },
      { kind: 'polygons', wanted: true },
      { kind: 'close', streamId: 'a' },
    ]);
    worker.report({ kind: 'ready', provider: 'cpu', refused: ['cuda'] });
    const failed = { kind: 'frame_failed', streamId: 'a', frameIndex: 3, message: 'no' } as const;
    worker.report({ ...failed, untracked: { ...none, failed: 1 } });
    worker.report({ kind: 'ended', streamId: 'a', untracked: none, counters });
    expect(said).toEqual([
      ['ready', 'cpu', ['cuda']],
      ['failed', 'a', 'TRACKCAST_INFERENCE_FAILED', 3, { ...none, failed: 1 }],
      ['ended', 'a', none, counters],
    ]);
  });

  it('says how the model fares, and which looks came to nothing', () => {
    const { worker, said } = open();
    const failure = { code: 'TRACKCAST_INFERENCE_FAILED', message: 'no memory' } as const;
    const look = { kind: 'failed', streamId: 'a', frameIndex: 7, ...failure } as const;
    worker.report({ kind: 'look_lost', look });
    worker.report({ kind: 'failing', ...failure });
    worker.report({ kind: 'recovered' });
    expect(said).toEqual([['look lost', look], ['failing', failure.code, failure.message], ['recovered']]);
  });

  it('answers every request with its own answer, in any order', async () => {
    const { host, worker } = open();
    host.openStream(stream('a'));
    const prompt = { shape: { kind: 'points', points: [] }, author: 'person' } as const;
    const prompted = host.prompt('a', prompt);
    const snapshot = host.snapshot('a');
    const renamed = host.change('a', 3, { label: 'clip' });
    const requests = worker.commands.slice(1);
    expect(requests).toMatchObject([
      { kind: 'request', streamId: 'a', request: { kind: 'prompt', prompt } },
      { kind: 'request', request: { kind: 'snapshot' } },
      { kind: 'request', request: { kind: 'change', objectId: 3, change: { label: 'clip' } } },
    ]);
    const [first, second, third] = requests.map((command) =>
      command.kind === 'request' ? command.requestId : -1,
    ) as [number, number, number];
    const shot = { streamId: 'a', nextTrackId: 9, tracks: [] };
    worker.report({ kind: 'answer', requestId: third, answer: done });
    worker.report({ kind: 'answer', requestId: second, answer: { ...done, snapshot: shot } });
    worker.report({ kind: 'answer', requestId: first, answer: { ...done, objectId: 8 } });
    expect(await prompted).toBe(8);
    expect(await snapshot).toEqual(shot);
    await renamed;
  });

  it('rejects what is refused with its code and place', async () => {
    const { host, answer } = open();
    host.openStream(stream('a'));
    const removal = host.remove('a', 5);
    answer({ kind: 'refused', code: 'TRACKCAST_OBJECT_UNKNOWN', message: 'no object 5' });
    await expect(removal).rejects.toMatchObject({
      code: 'TRACKCAST_OBJECT_UNKNOWN',
      message: 'no object 5',
      place: { streamId: 'a' },
    });
  });

  it('asks nothing about streams that are not open', async () => {
    const { host, worker } = open();
    const unknown = { code: 'TRACKCAST_STREAM_UNKNOWN' };
    await expect(host.reset('a')).rejects.toMatchObject(unknown);
    host.openStream(stream('a'));
    worker.report({ kind: 'ended', streamId: 'a', untracked: none, counters });
    await expect(host.reset('a')).rejects.toMatchObject(unknown);
    expect(worker.commands.filter(({ kind }) => kind === 'request')).toEqual([]);
  });

  it.each([
    { name: 'dies', end: (worker: FakeWorker<TrackingCommand, TrackingReport>) => worker.die('gone') },
    { name: 'leaves', end: (worker: FakeWorker<TrackingCommand, TrackingReport>) => worker.exit(3) },
  ])('tells everybody once when its worker $name', async ({ end }) => {
    const { host, worker, said } = open();
    host.openStream(stream('a'));
    host.openStream(stream('b'));
    const waiting = [host.reset('a'), host.snapshot('b')];
    const rejected = Promise.allSettled(waiting);
    end(worker);
    for (const { status, ...rest } of await rejected) {
      expect(status).toBe('rejected');
      expect(rest).toMatchObject({ reason: { code: 'TRACKCAST_WORKER_DIED' } });
    }
    expect(said).toEqual([
      ['unusable', 'TRACKCAST_WORKER_DIED'],
      ['ended', 'a', none, null],
      ['ended', 'b', none, null],
    ]);
    expect(() => host.openStream(stream('c'))).toThrow(
      expect.objectContaining({ code: 'TRACKCAST_WORKER_DIED', place: { streamId: 'c' } }),
    );
    await expect(host.reset('a')).rejects.toMatchObject({ code: 'TRACKCAST_STREAM_UNKNOWN' });
    const told = worker.commands.length;
    host.closeStream('a');
    await host.stop();
    expect(worker.commands).toHaveLength(told);
  });

  it('stops by message and waits for the end, which is no death', async () => {
    const { host, worker, said } = open();
    host.openStream(stream('a'));
    const stopped = host.stop();
    const again = host.stop();
    expect(worker.commands.filter(({ kind }) => kind === 'stop')).toHaveLength(1);
    worker.report({ kind: 'ended', streamId: 'a', untracked: { ...none, streamClosed: 2 }, counters });
    worker.exit(0);
    await stopped;
    await again;
    expect(said).toEqual([['ended', 'a', { ...none, streamClosed: 2 }, counters]]);
  });
});
