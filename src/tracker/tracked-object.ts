import { absentLogit, type MaskLogits, type RenderedMask, renderMask } from '../mask/mask-logits.ts';
import type { ObjectChange } from '../prompting/object-change.ts';
import type { Appearance } from './appearance.ts';
import { nextState, type Observation } from './life-cycle.ts';
import type { PropagatedMask } from './propagation/propagated-mask.ts';
import type { CandidateOrigin } from './segmentation.ts';
import type { Track, TrackEvent, TrackState } from './track.ts';

/** Support below which a carried mask is not shown any more. */
const minSupport = 0.12;

/** Corrects a carried mask by what the present picture shows. */
export type MaskRefiner = (logits: MaskLogits, appearance: Appearance, uncertainty: number) => void;

/** One object of a stream: its identity, its state and the mask that motion carries. */
export class TrackedObject {
  readonly id: number;
  readonly author: 'person' | 'strategy';
  readonly firstFrame: number;
  /** The candidate that showed it last; undefined where only a person has. */
  origin: CandidateOrigin | undefined;
  label: string | null;
  #category: string | null = null;
  #isLocked = false;
  /** Newest frame on which a person gave the mask; what a model saw before that is out of date. */
  correctedOn = -1;
  #state: TrackState = 'active';
  #mask: PropagatedMask | null = null;
  #appearance: Appearance | null = null;
  #score: number;
  #lastSeenFrame: number;
  #lastSeenNs: bigint;
  /** How often a segmentation model confirmed it after it was made. */
  #confirmations = 0;
  readonly #isCertain: boolean;
  /** Looks in a row that did not find it. */
  #misses = 0;
  /** The object that the last looks took it for, and how many of them in a row. */
  #merged = { into: -1, looks: 0 };
  #lastMask: MaskLogits | null = null;

  constructor(options: {
    id: number;
    author: 'person' | 'strategy';
    label: string | null;
    frameIndex: number;
    timestampNs: bigint;
    score: number;
    origin?: CandidateOrigin | undefined;
    isCertain?: boolean | undefined;
  }) {
    this.id = options.id;
    this.author = options.author;
    this.label = options.label;
    this.firstFrame = options.frameIndex;
    this.#lastSeenFrame = options.frameIndex;
    this.#lastSeenNs = options.timestampNs;
    this.#score = options.score;
    this.origin = options.origin;
    this.#isCertain = options.author === 'person' || options.isCertain === true;
  }

  get state(): TrackState {
    return this.#state;
  }

  /** Whether only a person may remove it or take it for another. */
  get isLocked(): boolean {
    return this.#isLocked;
  }

  /** Whether it may be given up without a person's word. */
  get isAutomatic(): boolean {
    return this.author === 'strategy' && !this.#isLocked;
  }

  /** Its colours as they were learned last; null before the first look at it. */
  get appearance(): Appearance | null {
    return this.#appearance;
  }

  get confirmations(): number {
    return this.#confirmations;
  }

  /** What a strategy found is an object only once a second look has confirmed it; until then nobody is told of it. */
  get isOnProbation(): boolean {
    return !this.#isCertain && !this.#isLocked && this.#confirmations === 0;
  }

  get score(): number {
    return this.#score * (this.#mask?.support ?? 0);
  }

  get lastSeenFrame(): number {
    return this.#lastSeenFrame;
  }

  /** The mask that is carried; null while the object is hidden. */
  get mask(): PropagatedMask | null {
    return this.#mask;
  }

  /** The mask as it was when the object was hidden; null while it is in view, and before it ever was. */
  get lastMask(): MaskLogits | null {
    return this.#mask === null ? this.#lastMask : null;
  }

  /** Seconds of the capture clock since the object was last seen. */
  hiddenSeconds(timestampNs: bigint): number {
    // A capture clock may be set back.
    return Math.max(0, Number(timestampNs - this.#lastSeenNs) / 1e9);
  }

  /** Takes a mask that a model or a person gave, already carried to the present frame. */
  show(mask: PropagatedMask, score: number, confirmed: boolean, appearance: Appearance | null = null): void {
    this.#mask = mask;
    if (appearance !== null) this.#appearance = appearance;
    this.#score = score;
    if (confirmed) this.#confirmations++;
  }

  /** Takes in what a person says of it. */
  change({ label, category, locked }: ObjectChange): void {
    if (label !== undefined) this.label = label;
    if (category !== undefined) this.#category = category;
    if (locked !== undefined) this.#isLocked = locked;
  }

  /** Takes note that a look found it. */
  found(): void {
    this.#misses = 0;
    this.#merged = { into: -1, looks: 0 };
  }

  /** Takes note that a look did not find it; returns how many in a row have not. */
  missed(): number {
    return ++this.#misses;
  }

  /** Takes note that a look found another object for it; returns how many in a row have found that one. */
  mergedWith(objectId: number): number {
    this.#merged = { into: objectId, looks: this.#merged.into === objectId ? this.#merged.looks + 1 : 1 };
    return this.#merged.looks;
  }

  /** Says what became of the carried mask on this frame. */
  judgeCarriedMask(): Observation {
    if (this.#mask === null) return { kind: 'none' };
    if (!this.#mask.isVisible) return { kind: 'left_view' };
    if (this.#mask.support < minSupport) return { kind: 'unsupported' };
    return { kind: 'none' };
  }

  /** Moves through the life cycle; returns the event that consumers are told of, if any. */
  observe(observation: Observation, frameIndex: number, timestampNs: bigint): TrackEvent | null {
    const before = this.#state;
    this.#state = nextState(before, observation, this.hiddenSeconds(timestampNs));
    if (this.#state !== 'active') this.#hide();
    else if (this.#mask !== null) {
      this.#lastSeenFrame = frameIndex;
      this.#lastSeenNs = timestampNs;
    }
    if (this.#state === before) return null;
    const kind = this.#state === 'active' ? 'recovered' : this.#state;
    return { kind, trackId: this.id };
  }

  #hide(): void {
    const seen = this.presentLogits((size) => new Float32Array(size));
    if (seen !== null) this.#lastMask = seen;
    this.#mask = null;
  }

  /**
   * The object as consumers see it.
   *
   * @param scratch logits of the mask grid, overwritten
   */
  toTrack(
    width: number,
    height: number,
    scratch: (size: number) => Float32Array,
    refine: MaskRefiner | null = null,
  ): Track {
    const rendered = this.render(width, height, scratch, refine);
    return {
      id: this.id,
      label: this.label,
      state: this.#state,
      score: rendered === null ? 0 : this.score,
      box: rendered?.box ?? null,
      area: rendered?.area ?? 0,
      mask: rendered?.mask ?? null,
      firstFrame: this.firstFrame,
      lastSeenFrame: this.#lastSeenFrame,
      author: this.author,
      ...(this.#category === null ? {} : { category: this.#category }),
      ...(this.#isLocked ? { locked: true } : {}),
      ...(this.#mask === null ? {} : { carried: { frames: this.#mask.steps, support: this.#mask.support } }),
    };
  }

  /** The carried mask at picture size; null while hidden. */
  render(
    width: number,
    height: number,
    scratch: (size: number) => Float32Array,
    refine: MaskRefiner | null = null,
  ): RenderedMask | null {
    const logits = this.presentLogits(scratch, refine);
    return logits === null ? null : renderMask(logits, width, height);
  }

  /** The carried mask on its grid, in `scratch`; null while hidden. */
  presentLogits(
    scratch: (size: number) => Float32Array,
    refine: MaskRefiner | null = null,
  ): MaskLogits | null {
    if (this.#mask === null) return null;
    const { anchor } = this.#mask;
    const data = scratch(anchor.data.length);
    data.fill(absentLogit);
    this.#mask.render(data);
    const { width, height, spanX, spanY } = anchor;
    const logits = { width, height, spanX, spanY, data };
    if (refine !== null && this.#appearance !== null) {
      refine(logits, this.#appearance, this.#mask.uncertainty);
    }
    return logits;
  }
}
