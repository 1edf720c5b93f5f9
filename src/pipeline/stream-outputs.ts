import { monotonicMs } from '../clock.ts';
import type { Preview } from '../ingest/decode-pool.ts';
import type { PipelineMetrics } from '../publish/metrics.ts';
import { outgoingEvent, outgoingFrame, outgoingTrackEvents } from '../publish/outgoing-message.ts';
import type { Publisher } from '../publish/publisher.ts';
import { type StreamEvent, specVersion } from '../publish/track-message.ts';
import type { WebSocketPublisher } from '../publish/websocket-publisher.ts';
import type { TrackFrame } from '../tracker/track.ts';
import type { PipelineOutputs } from './pipeline-outputs.ts';
import type { StreamSession } from './stream-session.ts';

/** Turns results into messages, once each, and hands them to all publishers. */
export class StreamOutputs implements PipelineOutputs {
  readonly #publishers: readonly Publisher[];
  readonly #pictures: WebSocketPublisher;
  readonly #metrics: PipelineMetrics;

  constructor(publishers: readonly Publisher[], pictures: WebSocketPublisher, metrics: PipelineMetrics) {
    this.#publishers = publishers;
    this.#pictures = pictures;
    this.#metrics = metrics;
  }

  onTrackFrame(trackFrame: TrackFrame, session: StreamSession): void {
    const begunAt = monotonicMs();
    const life = { streamId: session.streamId, epoch: session.memory.epoch };
    const message = outgoingFrame(trackFrame, life);
    for (const publisher of this.#publishers) publisher.publishFrame(message);
    for (const event of outgoingTrackEvents(trackFrame, life)) {
      for (const publisher of this.#publishers) publisher.publishEvent(event);
    }
    this.#metrics.framePublished(session.streamId, (monotonicMs() - begunAt) / 1000);
  }

  onStreamStarted(session: StreamSession): void {
    this.#publishEvent({ type: 'stream.started', ...this.#base(session) }, `${session.memory.epoch}`);
  }

  onStreamEnded(session: StreamSession): void {
    const ledger = this.#metrics.ledger(session.streamId);
    const frames = {
      received: ledger?.received ?? 0,
      tracked: ledger?.tracked ?? 0,
      dropped: Object.values(ledger?.dropped ?? {}).reduce((sum, count) => sum + count, 0),
      failed: ledger?.failed ?? 0,
    };
    const base = this.#base(session);
    const { end } = session;
    this.#publishEvent(
      end.kind === 'ended'
        ? { type: 'stream.ended', ...base, frames }
        : { type: 'stream.failed', ...base, frames, error: { code: end.code, message: end.message } },
      `${session.memory.epoch}`,
    );
  }

  onPicture(streamId: string, preview: Preview): void {
    const { frameIndex, timestampNs, width, height, jpeg } = preview;
    this.#pictures.publishPicture(
      { streamId, frameIndex, timestampNs: String(timestampNs), width, height },
      jpeg,
    );
  }

  #publishEvent(event: StreamEvent, cause: string): void {
    const message = outgoingEvent(event, cause);
    for (const publisher of this.#publishers) publisher.publishEvent(message);
  }

  #base(session: StreamSession): {
    specVersion: typeof specVersion;
    streamId: string;
    epoch: number;
    frameIndex: number | null;
    timestampNs: string | null;
  } {
    const { newestFrame } = session;
    return {
      specVersion,
      streamId: session.streamId,
      epoch: session.memory.epoch,
      frameIndex: newestFrame?.index ?? null,
      timestampNs: newestFrame === null ? null : String(newestFrame.timestampNs),
    };
  }
}
