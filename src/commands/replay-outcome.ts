import { monotonicMs } from '../clock.ts';
import { TrackcastError } from '../errors.ts';
import type { PipelineOutputs } from '../pipeline/pipeline.ts';
import type { StreamSession } from '../pipeline/stream-session.ts';
import type { PipelineMetrics } from '../publish/metrics.ts';
import { type FrameLedger, StreamTotals } from '../publish/stream-totals.ts';
import { toTrackEvents, toTrackMessage } from '../publish/to-track-message.ts';
import type { TrackFrame } from '../tracker/track.ts';
import type { LineFile } from './line-file.ts';
import type { ReplayStatistics } from './replay-statistics.ts';

export interface ReplayOutcomeOptions {
  readonly withEvents: boolean;
  readonly onProgress: (text: string) => void;
}

const progressMs = 100;

/** Takes a replay's results as publishers take a service's: writes the messages and gathers the figures. */
export class ReplayOutcome implements PipelineOutputs {
  readonly #options: ReplayOutcomeOptions;
  readonly #lines: LineFile | null;
  readonly #statistics: ReplayStatistics;
  readonly #metrics: PipelineMetrics;
  readonly #failed = new AbortController();
  #shownAtMs = 0;
  #streamError: TrackcastError | null = null;
  /** What became of all frames; final once the stream has ended. */
  ledger: FrameLedger = new StreamTotals().ledger();
  segmentations = 0;

  constructor(
    options: ReplayOutcomeOptions,
    lines: LineFile | null,
    statistics: ReplayStatistics,
    metrics: PipelineMetrics,
  ) {
    this.#options = options;
    this.#lines = lines;
    this.#statistics = statistics;
    this.#metrics = metrics;
  }

  /** Aborted when the messages cannot be written. */
  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  /** Why the stream, or the writing of its messages, has failed. */
  get error(): TrackcastError | null {
    return this.#lines?.error ?? this.#streamError;
  }

  onTrackFrame(trackFrame: TrackFrame, session: StreamSession): void {
    const now = monotonicMs();
    this.#statistics.frameTracked(trackFrame, now);
    if (this.#lines !== null) {
      const life = { streamId: session.streamId, epoch: session.memory.epoch };
      this.#lines.write(JSON.stringify(toTrackMessage(trackFrame, life)));
      const events = this.#options.withEvents ? toTrackEvents(trackFrame, life) : [];
      for (const event of events) this.#lines.write(JSON.stringify(event));
      if (this.#lines.error !== null) this.#failed.abort();
    }
    if (now - this.#shownAtMs >= progressMs) {
      this.#shownAtMs = now;
      this.#showProgress(trackFrame, session.streamId);
    }
  }

  onStreamStarted(): void {}

  onStreamEnded(session: StreamSession): void {
    this.ledger = this.#metrics.ledger(session.streamId) ?? this.ledger;
    this.segmentations = session.segmentations;
    const { end } = session;
    if (end.kind === 'failed') {
      const code = end.code === 'TRACKCAST_WORKER_DIED' ? end.code : 'TRACKCAST_DECODER_FAILED';
      this.#streamError = new TrackcastError(code, end.message, { streamId: session.streamId });
    }
  }

  onPicture(): void {}

  #showProgress({ frame, tracks }: TrackFrame, streamId: string): void {
    const dropped = Object.values(this.#metrics.ledger(streamId)?.dropped ?? {});
    const parts = [
      `frame ${frame.index}`,
      `${tracks.filter(({ mask }) => mask !== null).length} objects`,
      `${this.#statistics.trackedFps.toFixed(1)} frames/s`,
      `${dropped.reduce((sum, count) => sum + count, 0)} dropped`,
    ];
    this.#options.onProgress(parts.join('  '));
  }
}
