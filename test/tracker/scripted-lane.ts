import {
  maskGrid,
  type SegmentationLane,
  type SegmentationOutcome,
  type SegmentationRequest,
  type SegmentationResult,
} from '../../src/tracker/segmentation.ts';

/** A rectangle of the mask grid. */
export interface GridBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What the model is made to see on a frame. */
export interface Sight {
  readonly candidates?: readonly (GridBox & { readonly quality?: number })[];
  /** Masks of prompted and searched objects; absent ones are not listed. */
  readonly objects?: Readonly<Record<number, GridBox>>;
}

/** A lane whose model sees what a test says. Results are there `delayFrames` requests of `take` later. */
export class ScriptedLane implements SegmentationLane {
  readonly requests: SegmentationRequest[] = [];
  readonly closed: string[] = [];
  isFree = true;
  isDisposed = false;
  /** Throws here become failures. */
  see: (request: SegmentationRequest) => Sight = () => ({});
  /** While true, finished results stay unavailable, as on a clock that has not come so far. */
  withholds = false;
  #outcomes = new Map<string, SegmentationOutcome>();

  canStart(streamId: string): boolean {
    return this.isFree && !this.#outcomes.has(streamId);
  }

  async start(request: SegmentationRequest): Promise<void> {
    this.requests.push(request);
    this.#outcomes.set(request.streamId, this.#outcomeOf(request));
  }

  take(streamId: string): SegmentationOutcome | null {
    if (this.withholds) return null;
    const outcome = this.#outcomes.get(streamId) ?? null;
    this.#outcomes.delete(streamId);
    return outcome;
  }

  async finished(): Promise<void> {}

  closeStream(streamId: string): void {
    this.closed.push(streamId);
  }

  async dispose(): Promise<void> {
    this.isDisposed = true;
  }

  #outcomeOf(request: SegmentationRequest): SegmentationOutcome {
    const { streamId, frameIndex } = request;
    try {
      return { kind: 'result', result: resultOf(request, this.see(request)) };
    } catch (cause) {
      return { kind: 'failure', failure: { streamId, frameIndex, error: cause as Error } };
    }
  }
}

/** What a model that sees `sight` answers to a request. */
export function resultOf(request: SegmentationRequest, sight: Sight): SegmentationResult {
  const { streamId, frameIndex } = request;
  const grid = maskGrid(request.pixelSize);
  const draw = (box: GridBox): Float32Array => {
    const logits = new Float32Array(grid.width * grid.height).fill(-8);
    for (let y = box.y; y < box.y + box.height; y++) {
      logits.fill(8, y * grid.width + box.x, y * grid.width + box.x + box.width);
    }
    return logits;
  };
  const asked = [...request.targets, ...request.prompted].map(({ objectId }) => objectId);
  return {
    streamId,
    frameIndex,
    grid,
    objects: asked.map((objectId) => {
      const box = sight.objects?.[objectId];
      const logits = box === undefined ? null : draw(box);
      return { objectId, logits, score: logits === null ? 0 : 0.9, appearance: null, descriptor: null };
    }),
    candidates: (sight.candidates ?? []).map((box) => ({
      logits: draw(box),
      predictedIou: box.quality ?? 0.97,
      stability: 0.98,
      x: (box.x + box.width / 2) / grid.spanX,
      y: (box.y + box.height / 2) / grid.spanY,
      descriptor: null,
    })),
    timing: { encode: 1, match: 2, decode: 3, total: 6 },
  };
}
