import { TrackcastError } from '../../errors.ts';
import type { Box } from '../../mask/box.ts';
import { HoleFiller } from '../../model/sam2/mask-holes.ts';
import type {
  DecodedObject,
  FrameFeatures,
  ProposedMasks,
  Sam2Runtime,
} from '../../model/sam2/sam2-runtime.ts';
import type { PromptShape } from '../../prompting/prompt.ts';
import type { FrameOutcome, MemoryPolicy } from './memory-policy.ts';
import {
  type AttendedMemory,
  type BankSettings,
  type BankSize,
  ObjectMemoryBank,
  type PresentFrame,
} from './object-memory-bank.ts';
import { scalePoints } from './prompt-tokens.ts';
import {
  decodeBoxes,
  isInitialPrompt,
  nothingAttended,
  type ObjectPrompt,
  type PromptedPicture,
  type ShownObject,
  showObjects,
} from './prompted-object.ts';
import { believedOutcome, withoutCandidates } from './tracked-outcome.ts';

/** Conditioning frames that an object keeps where `keptConditioningFrames` does not say. */
const defaultKeptConditioningFrames = 16;

/** How the published predictor's switches of the same meaning are set. */
export interface CameraPredictorOptions {
  readonly policy: MemoryPolicy;
  /** Conditioning frames attended to at most (`max_cond_frames_in_attn`), at least 2; Infinity for no limit. */
  readonly maxConditioningFrames: number;
  /** Whether a corrected frame becomes a conditioning frame (`add_all_frames_to_correct_as_cond`). */
  readonly correctionsCondition: boolean;
  /** Longest distance of an object pointer, frames: 15, or one less than there are in a recording of fewer than 16. */
  readonly pointerTimeSpan: number;
  /** Holes of masks up to this many low-resolution pixels are filled (`fill_hole_area`); 0 for none. */
  readonly holeArea: number;
  /**
   * Conditioning frames that an object keeps at most, the first and the newest, however often it is prompted;
   * at least 2, 16 by default. The published predictor keeps all.
   */
  readonly keptConditioningFrames?: number;
}

/** What is known of an object on the frame that is looked at. The predictor reads its arrays on: write to none. */
export interface ObjectResult extends DecodedObject {
  readonly objectId: number;
  readonly provenance: FrameOutcome['provenance'];
  /** Empty for conditioned frames and for masks that were given. */
  readonly attended: AttendedMemory;
}

interface View extends PromptedPicture {
  readonly frame: number;
  readonly isAhead: boolean;
}

/**
 * SAM 2 on one stream, causal: frames come one at a time, and every object has its own memory, so that objects can be
 * added, corrected and removed on any frame without a trace in the others. What it computes is what
 * `SAM2VideoPredictor` of the published code computes when it is called frame by frame.
 *
 * Each frame: `show` it, `track`, and `prompt` as wished. A prompt before `track` makes the frame a conditioning frame
 * of its object, seen without memory; a prompt after it corrects what was found. Distances in time count the frames
 * on which an object was looked for, so that frames may be skipped.
 *
 * Calls must not overlap. All that are asynchronous may throw `TRACKCAST_INFERENCE_FAILED`; objects then are as
 * they were before the call.
 */
export class CameraPredictor {
  readonly #runtime: Sam2Runtime;
  readonly #options: CameraPredictorOptions;
  readonly #bankSettings: BankSettings;
  readonly #banks = new Map<number, ObjectMemoryBank>();
  readonly #holes = new HoleFiller();
  /** The newest frame that was shown in its turn. */
  #newestFrame = Number.NEGATIVE_INFINITY;
  /** The frame that prompts are about: the newest one, or one that is looked at ahead of its turn. */
  #view: View | null = null;

  /** @throws RangeError for an option outside its range */
  constructor(runtime: Sam2Runtime, options: CameraPredictorOptions) {
    const { maxConditioningFrames, pointerTimeSpan } = options;
    const keptConditioningFrames = options.keptConditioningFrames ?? defaultKeptConditioningFrames;
    if (!(maxConditioningFrames >= 2) || !(keptConditioningFrames >= 2)) {
      throw new RangeError('objects need room for two conditioning frames');
    }
    if (!(pointerTimeSpan >= 1)) throw new RangeError('object pointers need a span of at least one frame');
    this.#runtime = runtime;
    this.#options = options;
    this.#bankSettings = {
      conditioningRow: runtime.architecture.memories - 1,
      maxConditioningFrames,
      keptConditioningFrames,
      pointerTimeSpan,
      release: (memory) => runtime.recycle?.(memory),
    };
  }

  /**
   * Turns to the next frame and encodes it. Features of the one before are released.
   *
   * @param frameIndex larger than that of any frame shown before
   * @param pixels RGB, interleaved, at the size of the model's input
   * @param width of the source picture, to which prompts refer, pixels
   * @param height of the source picture, pixels
   */
  async show(frameIndex: number, pixels: Uint8Array, width: number, height: number): Promise<void> {
    const features = await this.#encode(frameIndex, pixels);
    this.#newestFrame = frameIndex;
    this.#view = { frame: frameIndex, isAhead: false, features, width, height };
    for (const bank of this.#banks.values()) bank.turnTo(frameIndex);
  }

  /**
   * Looks at a frame of a recording that is still to come, for prompts that are known beforehand: it conditions
   * their objects from the next `show` on. Nothing is tracked on it now.
   */
  async showAhead(frameIndex: number, pixels: Uint8Array, width: number, height: number): Promise<void> {
    const features = await this.#encode(frameIndex, pixels);
    this.#view = { frame: frameIndex, isAhead: true, features, width, height };
    for (const bank of this.#banks.values()) bank.lookAhead(frameIndex);
  }

  /**
   * Finds objects that were shown on an earlier frame, and have no result on the newest one yet, all in one batch.
   *
   * @param objectIds those to look for, by default all
   */
  async track(objectIds?: ReadonlySet<number>): Promise<ReadonlyMap<number, ObjectResult>> {
    const view = this.#looking();
    if (view.isAhead) throw new Error('objects are tracked on frames in their turn only');
    const objects = [...this.#banks].filter(
      ([objectId, bank]) =>
        bank.present === null && bank.knowsEarlier && (objectIds === undefined || objectIds.has(objectId)),
    );
    const results = new Map<number, ObjectResult>();
    if (objects.length === 0) return results;
    const { wantsCandidates } = this.#options.policy;
    const recalled = objects.map(([, bank]) => bank.recall(wantsCandidates));
    const memories = recalled.map(({ memory }) => memory);
    const steps = await this.#runtime.step(view.features, memories);
    const found: PresentFrame[] = [];
    for (const [index, step] of steps.entries()) {
      const [, bank] = objects[index] as (typeof objects)[number];
      const { outcome, memory } = await believedOutcome(bank, step, view.features, this.#runtime);
      this.#fillHoles(outcome.lowResMask);
      found.push({ outcome, isConditioning: false, memory, prompt: null });
    }
    for (const [index, [objectId, bank]] of objects.entries()) {
      const present = found[index] as PresentFrame;
      bank.note(present);
      const attended = recalled[index]?.attended ?? nothingAttended;
      results.set(objectId, { objectId, attended, ...withoutCandidates(present.outcome) });
    }
    return results;
  }

  /**
   * Shows an object on the frame that is looked at. A new object, or one without a result on this frame, is
   * conditioned there; one that was tracked on it is corrected, or conditioned if it is shown anew.
   *
   * @throws TrackcastError `TRACKCAST_PROMPT_INVALID` for a prompt that shows nothing, or a box that is to be added
   *   to earlier points; `TRACKCAST_MASK_INVALID`
   */
  async prompt(
    objectId: number,
    shape: PromptShape,
    options: Omit<ObjectPrompt, 'objectId' | 'shape'> = {},
  ): Promise<ObjectResult> {
    const results = await this.promptAll([{ objectId, shape, ...options }]);
    return results.get(objectId) as ObjectResult;
  }

  /** Shows several objects at once, as `prompt` does each. Throws `RangeError` for an object that is shown twice. */
  async promptAll(prompts: readonly ObjectPrompt[]): Promise<Map<number, ObjectResult>> {
    const view = this.#looking();
    if (new Set(prompts.map(({ objectId }) => objectId)).size < prompts.length) {
      throw new RangeError('one prompt of an object may depend on what another comes to');
    }
    const shown = await showObjects(
      this.#runtime,
      view,
      prompts,
      (objectId) => this.#banks.get(objectId),
      (lowResMask) => this.#fillHoles(lowResMask),
    );
    const results = new Map<number, ObjectResult>();
    for (const [at, prompt] of prompts.entries()) {
      results.set(prompt.objectId, this.#noteShown(prompt, shown[at] as ShownObject, view));
    }
    return results;
  }

  /**
   * Masks that single positive clicks on the frame that is looked at propose; nothing is remembered of them.
   *
   * @param points x, y pairs in source pixels
   */
  async propose(points: Float32Array): Promise<ProposedMasks> {
    const { features, width, height } = this.#looking();
    const { imageSize } = this.#runtime.geometry;
    return this.#runtime.propose(features, scalePoints(points, { width, height, imageSize }));
  }

  /** What boxes on the frame that is looked at hold; nothing is remembered of them. @param boxes source pixels */
  async proposeBoxes(boxes: readonly Box[]): Promise<DecodedObject[]> {
    return decodeBoxes(this.#runtime, this.#looking(), boxes);
  }

  has(objectId: number): boolean {
    return this.#banks.has(objectId);
  }

  /** In the order in which they were added. */
  objectIds(): number[] {
    return [...this.#banks.keys()];
  }

  /** How much each object remembers. */
  bankSizes(): ReadonlyMap<number, BankSize> {
    return new Map([...this.#banks].map(([objectId, bank]) => [objectId, bank.size]));
  }

  /** Forgets an object, if it is known. */
  remove(objectId: number): void {
    this.#banks.get(objectId)?.clear();
    this.#banks.delete(objectId);
  }

  /** Forgets all objects and frames, as if nothing had been shown yet. */
  reset(): void {
    for (const objectId of this.objectIds()) this.remove(objectId);
    this.#newestFrame = Number.NEGATIVE_INFINITY;
    this.#releaseView();
  }

  /** Releases everything but the runtime, which others may use. */
  dispose(): void {
    this.reset();
  }

  #looking(): View {
    if (this.#view !== null) return this.#view;
    throw new TrackcastError('TRACKCAST_PROMPT_INVALID', 'no frame is looked at');
  }

  async #encode(frameIndex: number, pixels: Uint8Array): Promise<FrameFeatures> {
    if (!(frameIndex > this.#newestFrame)) {
      throw new RangeError(`frame ${frameIndex} does not come after frame ${this.#newestFrame}`);
    }
    // The old features go first, so that a device never holds two frames of one stream.
    this.#releaseView();
    return this.#runtime.encode(pixels);
  }

  #releaseView(): void {
    this.#view?.features[Symbol.dispose]();
    this.#view = null;
  }

  #noteShown(prompt: ObjectPrompt, shown: ShownObject, view: View): ObjectResult {
    const { objectId } = prompt;
    const { decoded, attended, sparse, memory } = shown;
    const known = this.#banks.get(objectId);
    const isInitial = isInitialPrompt(prompt, known);
    const outcome: FrameOutcome = { ...decoded, provenance: isInitial ? 'conditioned' : 'refined' };
    const isConditioning = isInitial || this.#options.correctionsCondition;
    const bank = known ?? this.#openBank(objectId, view);
    bank.note({ outcome, isConditioning, memory, prompt: sparse });
    return { objectId, attended, ...withoutCandidates(outcome) };
  }

  #openBank(objectId: number, { frame, isAhead }: View): ObjectMemoryBank {
    const { architecture, geometry } = this.#runtime;
    const policy = this.#options.policy.open({
      rows: architecture.memories,
      maskSize: geometry.maskSize,
      release: this.#bankSettings.release,
    });
    const bank = new ObjectMemoryBank(this.#bankSettings, policy, frame, isAhead);
    this.#banks.set(objectId, bank);
    return bank;
  }

  #fillHoles(lowResMask: Float32Array): void {
    const { holeArea } = this.#options;
    const { maskSize } = this.#runtime.geometry;
    if (holeArea > 0) this.#holes.fill(lowResMask, maskSize, maskSize, holeArea);
  }
}
