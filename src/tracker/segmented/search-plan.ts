import type { Frame } from '../../buffer/frame.ts';
import type { PromptShape } from '../../prompting/prompt.ts';
import type { ObjectTable } from '../object-table.ts';
import type { SegmentationRequest, SegmentationTarget } from '../segmentation.ts';
import type { PresentFrame } from './present-frame.ts';

/** Lost objects looked for per segmentation; all of them have their turn. */
const lostPerRun = 3;

/** Decides when a stream is segmented next, and what is looked for then. */
export class SearchPlan {
  readonly #streamId: string;
  readonly #objects: ObjectTable;
  readonly #maxPerSecond: number;
  #prompted: { readonly objectId: number; readonly shape: PromptShape }[] = [];
  #lastRequestNs: bigint | null = null;
  #lostTurn = 0;
  #forgetAll = false;

  /** @param maxPerSecond segmentations per second of the capture clock at most */
  constructor(streamId: string, objects: ObjectTable, maxPerSecond: number) {
    this.#streamId = streamId;
    this.#objects = objects;
    this.#maxPerSecond = maxPerSecond;
  }

  /** Lets a prompt wait for the next segmentation. */
  addPrompt(objectId: number, shape: PromptShape): void {
    this.#prompted.push({ objectId, shape });
  }

  get hasPrompts(): boolean {
    return this.#prompted.length > 0;
  }

  /** Everything that was remembered so far is about something else. */
  forgetAll(): void {
    this.#prompted = [];
    this.#forgetAll = true;
  }

  /** Whether the rate allows a segmentation on this frame; prompts do not wait for it. */
  isDue(timestampNs: bigint): boolean {
    if (this.#lastRequestNs === null || this.#prompted.length > 0) return true;
    const elapsedSeconds = Number(timestampNs - this.#lastRequestNs) / 1e9;
    // A capture clock may be set back.
    if (elapsedSeconds < 0) return true;
    return elapsedSeconds * this.#maxPerSecond >= 0.999;
  }

  /**
   * What to look for on this frame; null when there is nothing.
   *
   * @param gridPoints to try for new objects
   */
  next(frame: Frame, present: PresentFrame, gridPoints: Float32Array): SegmentationRequest | null {
    const prompted = this.#prompted.filter(({ objectId }) => this.#objects.find(objectId) !== undefined);
    this.#prompted = [];
    const targets = this.#targets(present, new Set(prompted.map(({ objectId }) => objectId)));
    if (targets.length + prompted.length + gridPoints.length === 0) return null;
    const forgetAll = this.#forgetAll;
    this.#forgetAll = false;
    this.#lastRequestNs = frame.timestampNs;
    return {
      streamId: this.#streamId,
      frameIndex: frame.index,
      pixels: frame.pixels,
      pixelSize: frame.pixelSize,
      width: frame.width,
      height: frame.height,
      targets,
      prompted: prompted.map(({ objectId, shape }) => ({
        objectId,
        shape,
        currentLogits: present.logitsOf(this.#objects.get(objectId)),
      })),
      gridPoints,
      forgotten: this.#objects.takeForgotten(),
      forgetAll,
    };
  }

  /** Every object in view or just hidden, and a few of the lost ones in turn. */
  #targets(present: PresentFrame, prompted: ReadonlySet<number>): SegmentationTarget[] {
    const objects = [...this.#objects.all()].filter((object) => !prompted.has(object.id));
    const lost = objects.filter((object) => object.state === 'lost');
    const turn = this.#lostTurn;
    this.#lostTurn += lostPerRun;
    const searched = new Set(
      Array.from({ length: Math.min(lostPerRun, lost.length) }, (_, at) => lost[(turn + at) % lost.length]),
    );
    return objects
      .filter((object) => object.state !== 'lost' || searched.has(object))
      .map((object) => ({
        objectId: object.id,
        prior: present.logitsOf(object),
        priorSupport: object.mask?.support ?? 0,
      }));
  }
}
