import type { Frame } from '../../buffer/frame.ts';
import { renderMask } from '../../mask/mask-logits.ts';
import type { ObjectTable } from '../object-table.ts';
import type { MotionField } from '../propagation/motion-field.ts';
import {
  maskGrid,
  type PromptedTarget,
  type SegmentationRequest,
  type SegmentationTarget,
} from '../segmentation.ts';
import { type KeptFrame, shapeOnKept } from './kept-frame.ts';
import type { PresentFrame } from './present-frame.ts';
import { type GivenPrompt, type WaitingPrompt, WaitingPrompts } from './waiting-prompts.ts';

/** Lost objects looked for per segmentation; all of them have their turn. */
const lostPerRun = 3;

/** Decides when a stream is segmented next, and what is looked for then. */
export class SearchPlan {
  readonly #streamId: string;
  readonly #objects: ObjectTable;
  readonly #maxPerSecond: number;
  readonly #prompts = new WaitingPrompts();
  #lastRequestNs: bigint | null = null;
  #lostTurn = 0;
  #forgetAll = false;
  /** Whether the segmenter may remember something of this stream. */
  #isRemembered = false;

  /** @param maxPerSecond segmentations per second of the capture clock at most */
  constructor(streamId: string, objects: ObjectTable, maxPerSecond: number) {
    this.#streamId = streamId;
    this.#objects = objects;
    this.#maxPerSecond = maxPerSecond;
  }

  /**
   * Lets a prompt wait for the next segmentation.
   *
   * @param present the newest frame
   * @param since motion that led there from the frame of the prompt
   * @returns objects that have lost their last prompt because too many wait
   */
  addPrompt(
    given: GivenPrompt,
    present: Pick<Frame, 'index' | 'width' | 'height'>,
    since: readonly MotionField[],
  ): number[] {
    return this.#prompts.add(given, present, since);
  }

  /**
   * Takes prompts along to the next frame, those of a look under way included. None outlives a scene cut: what it
   * pointed at is not there.
   *
   * @param motion that led to the frame; null where that is not known
   * @returns objects that have lost their last prompt
   */
  movePrompts(frame: Frame, isSceneCut: boolean, motion: MotionField | null): number[] {
    if (isSceneCut) return this.#prompts.clear();
    return this.#prompts.moveTo(frame, motion);
  }

  get hasPrompts(): boolean {
    return !this.#prompts.isEmpty;
  }

  /** The look under way has taken its prompts in. */
  lookSucceeded(): void {
    this.#prompts.succeeded();
  }

  /**
   * The look under way came to nothing. Its prompts are given to the next one, but to no third.
   *
   * @returns objects that have lost their last prompt
   */
  lookFailed(): number[] {
    return this.#prompts.failed();
  }

  /** Everything that was remembered so far is about something else. */
  forgetAll(): void {
    this.#prompts.clear();
    this.#forgetAll = true;
  }

  /** Whether the segmenter may remember objects, though there are none any more. */
  get isMemoryIdle(): boolean {
    return this.#isRemembered && this.#objects.size === 0 && this.#prompts.isEmpty;
  }

  /** Takes note that the segmenter has been told to forget the stream. */
  memoryReleased(): void {
    this.#isRemembered = false;
    this.#forgetAll = false;
    this.#objects.takeForgotten();
    this.#objects.takeDisowned();
  }

  /** Whether the rate allows a segmentation on this frame; prompts do not wait for it. */
  isDue(timestampNs: bigint): boolean {
    if (this.#lastRequestNs === null || this.hasPrompts) return true;
    const elapsedSeconds = Number(timestampNs - this.#lastRequestNs) / 1e9;
    // A capture clock may be set back.
    if (elapsedSeconds < 0) return true;
    return elapsedSeconds * this.#maxPerSecond >= 0.999;
  }

  /**
   * What to look for on this frame; null when there is nothing.
   *
   * @param gridPoints to try for new objects
   * @param detect whether the detector is to look as well
   */
  next(
    frame: Frame,
    present: PresentFrame,
    gridPoints: Float32Array,
    detect = false,
  ): SegmentationRequest | null {
    const prompted = this.#prompts.take().flatMap((prompt) => this.#promptedTarget(prompt, frame, present));
    const targets = this.#targets(present, new Set(prompted.map(({ objectId }) => objectId)));
    if (targets.length + prompted.length + gridPoints.length === 0 && !detect) {
      this.#prompts.succeeded();
      return null;
    }
    const forgetAll = this.#forgetAll;
    this.#forgetAll = false;
    this.#lastRequestNs = frame.timestampNs;
    this.#isRemembered = true;
    return {
      streamId: this.#streamId,
      frameIndex: frame.index,
      pixels: frame.pixels,
      pixelSize: frame.pixelSize,
      width: frame.width,
      height: frame.height,
      targets,
      prompted,
      gridPoints,
      detect,
      forgotten: this.#objects.takeForgotten(),
      disowned: this.#objects.takeDisowned(),
      forgetAll,
    };
  }

  /**
   * The prompts that can be understood on the frame whose features the segmenter has kept; null where none can.
   *
   * @param motionBetween from one frame to a later one, null where it is not known
   */
  nextOnKept(
    kept: KeptFrame,
    motionBetween: (from: number, to: number) => readonly MotionField[] | null,
  ): SegmentationRequest | null {
    // What the segmenter is to forget, it must not go on from.
    if (this.#forgetAll) return null;
    const { frameIndex, pixelSize, width, height } = kept;
    const taken = this.#prompts.takeWhere((given) => {
      const object = this.#objects.find(given.objectId);
      // What a person has drawn since is not known to what was seen before.
      if (object === undefined || object.correctedOn > frameIndex) return null;
      return shapeOnKept(given, kept, motionBetween);
    });
    if (taken.length === 0) return null;
    this.#isRemembered = true;
    return {
      streamId: this.#streamId,
      frameIndex,
      pixels: null,
      pixelSize,
      width,
      height,
      targets: [],
      prompted: taken.map(({ objectId, shape }) => ({
        objectId,
        shape,
        currentLogits: null,
        origin: this.#objects.find(objectId)?.origin,
      })),
      gridPoints: new Float32Array(0),
      forgotten: this.#objects.takeForgotten(),
      disowned: this.#objects.takeDisowned(),
      forgetAll: false,
    };
  }

  /** The prompt as it is on this frame; none where nothing is left of it. */
  #promptedTarget(
    { objectId, shape, isLate }: WaitingPrompt,
    frame: Frame,
    present: PresentFrame,
  ): PromptedTarget[] {
    const object = this.#objects.find(objectId);
    if (object === undefined) return [];
    const { origin } = object;
    const currentLogits = present.logitsOf(object);
    if (shape.kind !== 'mask' || !isLate) return [{ objectId, shape, currentLogits, origin }];
    // The mask is about an earlier frame; its object has been carried here from there.
    if (currentLogits === null) return [];
    const grid = { ...maskGrid(frame.pixelSize), data: currentLogits };
    const mask = renderMask(grid, frame.width, frame.height)?.mask;
    return mask === undefined ? [] : [{ objectId, shape: { kind: 'mask', mask }, currentLogits, origin }];
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
        origin: object.origin,
      }));
  }
}
