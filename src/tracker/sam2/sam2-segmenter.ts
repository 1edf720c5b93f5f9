import type { OnnxSam2Runtime } from '../../model/sam2/onnx-sam2-runtime.ts';
import type { Sam2Runtime } from '../../model/sam2/sam2-runtime.ts';
import type { LoadedSegmenter, SegmentationRequest, SegmentationResult } from '../segmentation.ts';
import { CameraPredictor, type CameraPredictorOptions } from './camera-predictor.ts';
import { Sam2Stream } from './sam2-stream.ts';

/** A runtime that tells where it runs. */
type OpenedRuntime = Pick<OnnxSam2Runtime, 'provider' | 'refusedProviders'> & Sam2Runtime;

/** SAM 2 as a segmenter of live streams, all on one device: looks of all streams come one after another. */
export class Sam2Segmenter implements LoadedSegmenter {
  readonly refusedProviders: OnnxSam2Runtime['refusedProviders'];
  readonly #runtime: OpenedRuntime;
  readonly #options: CameraPredictorOptions;
  readonly #streams = new Map<string, Sam2Stream>();
  /** The look that was asked for last; the runtime can do only one thing at a time. */
  #last: Promise<unknown> = Promise.resolve();

  /** @param refusedBefore providers that opened the model and could not run it */
  constructor(
    runtime: OpenedRuntime,
    options: CameraPredictorOptions,
    refusedBefore: OnnxSam2Runtime['refusedProviders'] = [],
  ) {
    this.#runtime = runtime;
    this.#options = options;
    this.refusedProviders = [...refusedBefore, ...runtime.refusedProviders];
  }

  get provider(): string {
    return this.#runtime.provider;
  }

  /** Runs every graph once, so that no frame pays for compilation. */
  async warmUp(): Promise<void> {
    const side = this.#runtime.geometry.imageSize;
    const predictor = new CameraPredictor(this.#runtime, this.#options);
    const pixels = new Uint8Array(side * side * 3).fill(127);
    const click = { kind: 'points', points: [{ x: side / 2, y: side / 2, positive: true }] } as const;
    try {
      await predictor.show(0, pixels, side, side);
      await predictor.prompt(1, click);
      await predictor.propose(Float32Array.of(side / 2, side / 2));
      await predictor.show(1, pixels, side, side);
      await predictor.track();
      await predictor.prompt(1, click);
    } finally {
      predictor.dispose();
    }
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
