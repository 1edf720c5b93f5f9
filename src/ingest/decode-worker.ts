import { parentPort } from 'node:worker_threads';
import { FrameRing } from '../buffer/frame-ring.ts';
import { quietCodecLog } from './codec-log.ts';
import type { DecodeCommand, DecodedStreamOptions, DecodeReport } from './decode-messages.ts';
import { DecodeStream, failureReport } from './decode-stream.ts';

const port = parentPort;
if (port === null) {
  throw new Error('decode-worker runs as a worker thread only');
}

quietCodecLog();
const streams = new Map<string, DecodeStream>();
const send = (report: DecodeReport, transfer: ArrayBuffer[] = []) => port.postMessage(report, transfer);

function open(options: DecodedStreamOptions): void {
  const { streamId } = options;
  try {
    const stream = new DecodeStream(options, send, () => streams.delete(streamId));
    streams.set(streamId, stream);
  } catch (error) {
    FrameRing.attach(options.ring).end();
    send(failureReport(streamId, error));
  }
}

/** Ends every stream and lets the thread run out: ending it by force would abort the process. */
async function stop(): Promise<void> {
  await Promise.all([...streams.values()].map((stream) => stream.close()));
  port?.close();
}

port.on('message', (command: DecodeCommand) => {
  switch (command.kind) {
    case 'open':
      open(command.options);
      break;
    case 'chunk':
      streams.get(command.streamId)?.push(command.chunk);
      break;
    case 'preview':
      streams.get(command.streamId)?.configurePreview(command.options);
      break;
    case 'close':
      void streams.get(command.streamId)?.close();
      break;
    case 'stop':
      void stop();
      break;
  }
});
