import { monotonicMs } from '../clock.ts';
import { OverlayWriter } from '../evaluation/overlay-writer.ts';
import { checkWritable } from '../evaluation/video-file-writer.ts';
import { toTrackEvents, toTrackMessage } from '../publish/to-track-message.ts';
import type { MeasuredFrame } from '../replay/prompted-replay.ts';
import { LineFile } from './line-file.ts';
import { ReplayStatistics } from './replay-statistics.ts';

export interface PromptedOutputOptions {
  readonly streamId: string;
  /** Where track messages go, one a line. */
  readonly out: string | null;
  /** Whether track events go there too. */
  readonly withEvents: boolean;
  /** Where the video with its tracks drawn on it goes. */
  readonly overlay: string | null;
  readonly onProgress: (text: string) => void;
}

/** The first life of a stream. */
const epoch = 0;

const progressMs = 100;

/** Takes the frames of a replay with prompts: writes messages and the overlay, and gathers the figures. */
export class PromptedOutputs {
  readonly statistics = new ReplayStatistics();
  readonly #options: PromptedOutputOptions;
  readonly #lines: LineFile | null;
  readonly #overlay: OverlayWriter | null;
  #shownAtMs = 0;

  private constructor(options: PromptedOutputOptions, lines: LineFile | null) {
    this.#options = options;
    this.#lines = lines;
    this.#overlay = options.overlay === null ? null : new OverlayWriter(options.overlay);
  }

  /** Makes sure that all can be written. Rejects with `TRACKCAST_OUTPUT_UNWRITABLE`, as all methods do. */
  static async create(options: PromptedOutputOptions): Promise<PromptedOutputs> {
    const { out, overlay } = options;
    if (overlay !== null) await checkWritable(overlay);
    return new PromptedOutputs(options, out === null ? null : await LineFile.open(out));
  }

  /** Empties the file of messages. Frames can be added then. */
  async begin(): Promise<void> {
    await this.#lines?.begin();
  }

  /** Pictures of the overlay; null without one. */
  get drawn(): number | null {
    return this.#overlay?.frames ?? null;
  }

  /** Draws on the frame's pixels, which nobody looks at any more. */
  async add({ frame, trackFrame, readMs, trackMs }: MeasuredFrame): Promise<void> {
    const now = monotonicMs();
    const total = readMs + trackMs;
    const latencyMs = { decode: readMs, queue: 0, track: trackMs, total };
    const measured = { ...trackFrame.frame, receivedAtMs: now - total };
    this.statistics.frameTracked({ ...trackFrame, frame: measured, latencyMs }, now);
    if (this.#lines !== null) {
      const life = { streamId: this.#options.streamId, epoch };
      this.#lines.write(JSON.stringify(toTrackMessage(trackFrame, life)));
      const events = this.#options.withEvents ? toTrackEvents(trackFrame, life) : [];
      for (const event of events) this.#lines.write(JSON.stringify(event));
      if (this.#lines.error !== null) throw this.#lines.error;
    }
    const { width, height, pixels, timestampNs } = frame;
    await this.#overlay?.add({ width, height, data: pixels }, trackFrame.tracks, timestampNs);
    if (now - this.#shownAtMs >= progressMs) {
      this.#shownAtMs = now;
      const seen = trackFrame.tracks.filter(({ mask }) => mask !== null).length;
      const rate = this.statistics.trackedFps.toFixed(1);
      this.#options.onProgress(`frame ${frame.index}  ${seen} objects  ${rate} frames/s`);
    }
  }

  /** Completes the files, also those of a replay that ended early. */
  async finish(): Promise<void> {
    await this.#overlay?.finish();
    await this.#lines?.close();
  }

  /** Releases what is left; after `finish` or after an error. */
  async close(): Promise<void> {
    await this.#overlay?.close();
    await this.#lines?.close().catch(() => undefined);
  }
}
