import type { LoadedSegmenter, SegmentationRequest, SegmentationResult } from '../segmentation.ts';
import type { CameraPredictorOptions } from './camera-predictor.ts';
import type { PlacedSam2Runtime, WarmSam2 } from './open-warm-sam2.ts';
import { Sam2Stream } from './sam2-stream.ts';

/** SAM 2 as a segmenter of live streams, all on one device: looks of all streams come one after another. */
export class Sam2Segmenter implements LoadedSegmenter {
  readonly refusedProviders: WarmSam2['refused'];
  readonly #runtime: PlacedSam2Runtime;
  readonly #options: CameraPredictorOptions;
  readonly #streams = new Map<string, Sam2Stream>();
  /** The look that was asked for last; the runtime can do only one thing at a time. */
  #last: Promise<unknown> = Promise.resolve();

  /** @param model belongs to the segmenter from now on */
  constructor({ runtime, refused }: WarmSam2, options: CameraPredictorOptions) {
    this.#runtime = runtime;
    this.#options = options;
    this.refusedProviders = refused;
  }

  get provider(): string {
    return this.#runtime.provider;
  }

  segment(request: SegmentationRequest): Promise<SegmentationResult> {
    // Chosen now, so that a stream that is closed while its look waits for its turn stays closed.
    const stream = this.#streamOf(request.streamId);
    const look = this.#last.then(() => stream.look(request));
    this.#last = look.catch(() => {});
    return look;
  }

  closeStream(streamId: string): void {
    this.#streams.get(streamId)?.close();
    this.#streams.delete(streamId);
  }

  /** Ends when the look under way has ended. */
  async dispose(): Promise<void> {
    for (const streamId of [...this.#streams.keys()]) this.closeStream(streamId);
    await this.#last;
    await this.#runtime.dispose();
  }

  #streamOf(streamId: string): Sam2Stream {
    let stream = this.#streams.get(streamId);
    if (stream === undefined) {
      stream = new Sam2Stream(this.#runtime, this.#options);
      this.#streams.set(streamId, stream);
    }
    return stream;
  }
}
