import { parentPort, workerData } from 'node:worker_threads';
import { FrameRing } from '../buffer/frame-ring.ts';
import { TrackcastError } from '../errors.ts';
import { withPolygons } from './polygons.ts';
import { StreamRunner } from './stream-runner.ts';
import { createTracker } from './tracker-factory.ts';
import type {
  TrackingAnswer,
  TrackingCommand,
  TrackingReport,
  TrackingRequest,
  TrackingStreamOptions,
  TrackingWorkerData,
} from './tracking-messages.ts';
import { WorkerLane } from './worker-lane.ts';

/** Tracks all streams of a device: motion, life cycles and mask encoding here, inference in a thread of its own. */

const port = parentPort;
if (port === null) throw new Error('the tracking worker runs in a worker thread only');

const data = workerData as TrackingWorkerData;
const runners = new Map<string, StreamRunner>();
const running = new Set<Promise<void>>();
let wantsPolygons = false;

function report(message: TrackingReport): void {
  port?.postMessage(message);
}

const lane = new WorkerLane(data.models, {
  onReady: (provider, refused) => report({ kind: 'ready', provider, refused }),
  onUnusable: ({ code, message }) => report({ kind: 'unusable', code, message }),
  onFailing: ({ code, message }) => report({ kind: 'failing', code, message }),
  onRecovered: () => report({ kind: 'recovered' }),
});
const opening = createTracker({
  kind: data.kind,
  timing: { mode: 'lane', lane, waitsForSegmentation: data.waitsForSegmentation },
  settings: data.settings,
  models: data.models,
});

async function openStream(options: TrackingStreamOptions): Promise<void> {
  const { streamId, firstTrackId } = options;
  const tracker = await opening;
  const stream = tracker.openStream({
    streamId,
    ...(firstTrackId === undefined ? {} : { firstTrackId }),
    onLookLost: (look) => report({ kind: 'look_lost', look }),
  });
  const runner = new StreamRunner(FrameRing.attach(options.ring), stream, options.lossless, {
    onFrame: (tracked) => {
      const trackFrame = wantsPolygons ? withPolygons(tracked) : tracked;
      report({
        kind: 'frame',
        streamId,
        trackFrame,
        untracked: runner.untracked,
        counters: stream.counters(),
      });
    },
    onFrameFailed: (frameIndex, error) => {
      const message = error instanceof Error ? error.message : String(error);
      report({ kind: 'frame_failed', streamId, frameIndex, message, untracked: runner.untracked });
    },
  });
  runners.set(streamId, runner);
  const run = runner.run().finally(() => {
    runners.delete(streamId);
    running.delete(run);
    report({ kind: 'ended', streamId, untracked: runner.untracked, counters: stream.counters() });
  });
  running.add(run);
}

async function answer(streamId: string, request: TrackingRequest): Promise<TrackingAnswer> {
  const stream = runners.get(streamId)?.stream;
  try {
    if (stream === undefined) {
      throw new TrackcastError('TRACKCAST_STREAM_UNKNOWN', `no stream ${streamId} is open`, { streamId });
    }
    switch (request.kind) {
      case 'prompt':
        return { kind: 'done', objectId: await stream.prompt(request.prompt), snapshot: null };
      case 'change':
        stream.change(request.objectId, request.change);
        break;
      case 'remove':
        stream.remove(request.objectId);
        break;
      case 'reset':
        stream.reset();
        break;
      case 'snapshot':
        return { kind: 'done', objectId: null, snapshot: stream.snapshot() };
    }
    return { kind: 'done', objectId: null, snapshot: null };
  } catch (error) {
    // Whatever one request runs into, the streams of this worker go on.
    const { code, message } =
      error instanceof TrackcastError
        ? error
        : new TrackcastError(
            'TRACKCAST_INFERENCE_FAILED',
            error instanceof Error ? error.message : String(error),
          );
    return { kind: 'refused', code, message };
  }
}

async function stop(): Promise<void> {
  for (const runner of runners.values()) runner.close();
  await Promise.all(running);
  const tracker = await opening;
  await tracker.dispose();
  port?.close();
}

// Streams open in the order of the commands, though making the tracker takes a while.
let lastCommand: Promise<void> = Promise.resolve();

async function obey(command: TrackingCommand): Promise<void> {
  switch (command.kind) {
    case 'open':
      return await openStream(command.options);
    case 'request':
      return report({
        kind: 'answer',
        requestId: command.requestId,
        answer: await answer(command.streamId, command.request),
      });
    case 'polygons':
      wantsPolygons = command.wanted;
      return;
    case 'close':
      return runners.get(command.streamId)?.close();
    case 'stop':
      return await stop();
  }
}

port.on('message', (command: TrackingCommand) => {
  lastCommand = lastCommand.then(() => obey(command));
});
