import { parentPort, workerData } from 'node:worker_threads';
import { TrackcastError } from '../errors.ts';
import { describeRefusal } from '../model/runtime.ts';
import type { LoadedSegmenter, SegmentationRequest } from './segmentation.ts';
import type {
  SegmentationCommand,
  SegmentationReport,
  SegmentationWorkerData,
} from './segmentation-messages.ts';
import { createSegmenter } from './segmenter-factory.ts';

/** Inference blocks its thread; this thread does nothing else. It owns the sessions and all memories. */

const port = parentPort;
if (port === null) throw new Error('the inference worker runs in a worker thread only');

function report(message: SegmentationReport): void {
  port?.postMessage(message);
}

function describe(error: unknown): { code: TrackcastError['code']; message: string } {
  if (error instanceof TrackcastError) return { code: error.code, message: error.message };
  return {
    code: 'TRACKCAST_INFERENCE_FAILED',
    message: error instanceof Error ? error.message : String(error),
  };
}

async function open(): Promise<LoadedSegmenter | null> {
  try {
    const segmenter = await createSegmenter(workerData as SegmentationWorkerData, givingUp.signal);
    report({
      kind: 'ready',
      provider: segmenter.provider,
      refused: segmenter.refusedProviders.map(describeRefusal),
    });
    return segmenter;
  } catch (error) {
    report({ kind: 'unusable', ...describe(error) });
    return null;
  }
}

async function segment(segmenter: LoadedSegmenter | null, request: SegmentationRequest): Promise<void> {
  const { streamId, frameIndex } = request;
  try {
    if (segmenter === null)
      throw new TrackcastError('TRACKCAST_MODEL_INVALID', 'no model is loaded', { streamId });
    report({ kind: 'result', result: await segmenter.segment(request) });
  } catch (error) {
    report({ kind: 'failed', streamId, frameIndex, ...describe(error) });
  }
}

const givingUp = new AbortController();
const opening = open();
let last: Promise<void> = Promise.resolve();

// Commands run strictly one after another, so that nothing is in a native call when the thread ends. A model that is
// still being opened, and a look of SAM 2, are given up between two such calls.
port.on('message', (command: SegmentationCommand) => {
  if (command.kind === 'stop') {
    givingUp.abort(new TrackcastError('TRACKCAST_INFERENCE_FAILED', 'given up, as the service stops'));
  }
  last = last.then(async () => {
    const segmenter = await opening;
    switch (command.kind) {
      case 'segment':
        return await segment(segmenter, command.request);
      case 'close_stream':
        return segmenter?.closeStream(command.streamId);
      case 'stop':
        await segmenter?.dispose();
        port.close();
    }
  });
});
