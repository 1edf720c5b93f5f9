import type { Frame } from '../../buffer/frame.ts';
import { frameInfoOf } from '../../buffer/frame.ts';
import { monotonicMs } from '../../clock.ts';
import { TrackcastError } from '../../errors.ts';
import { type MaskLogits, sampleLogits } from '../../mask/mask-logits.ts';
import { isBlank } from '../../prompting/blank-area.ts';
import { chooseNewObjects } from '../../prompting/candidate-filter.ts';
import type { Prompt, PromptShape } from '../../prompting/prompt.ts';
import type { PromptScene, PromptStrategy } from '../../prompting/prompt-strategy.ts';
import { type ColourGrid, colourGridOf, learnAppearance } from '../appearance.ts';
import { ColourRefinement } from '../colour-refinement.ts';
import type { Observation } from '../life-cycle.ts';
import { ObjectTable } from '../object-table.ts';
import { checkPrompt, type PromptedFrame, promptedLogits } from '../prompted-mask.ts';
import { MotionEstimator } from '../propagation/motion-estimator.ts';
import type { CellGrid, MotionField } from '../propagation/motion-field.ts';
import { MotionHistory } from '../propagation/motion-history.ts';
import { PropagatedMask } from '../propagation/propagated-mask.ts';
import {
  maskGrid,
  type SegmentationLane,
  type SegmentationResult,
  type SegmentationTarget,
  type SegmentationTiming,
} from '../segmentation.ts';
import type { Provenance, TrackFrame } from '../track.ts';
import type { MaskRefiner, TrackedObject } from '../tracked-object.ts';
import type {
  TrackedStream,
  TrackedStreamOptions,
  TrackerCounters,
  TrackerSnapshot,
} from '../video-tracker.ts';
import { LandingQueue } from './landing-queue.ts';
import { PromptScan } from './prompt-scan.ts';

export interface MobileSamStreamSettings {
  /** Where segmentations run; null to carry prompted masks on motion alone. */
  readonly lane: SegmentationLane | null;
  readonly strategy: PromptStrategy;
  readonly repromptIntervalFrames: number;
  readonly maxObjects: number;
  /** Segmentations per second of the capture clock at most. */
  readonly maxSegmentationsPerSecond: number;
  /** Waits for every segmentation before the frame's tracks are given. */
  readonly waitsForSegmentation: boolean;
}

/** What later prompts need to know of the newest frame. */
type LastFrame = PromptedFrame & Pick<Frame, 'pixelSize'>;

/** Pictures of motion kept: a segmentation that takes longer than this lands too late to be of use. */
const motionHistoryFrames = 128;
/** Lost objects looked for per segmentation; all of them have their turn. */
const lostPerRun = 3;

/** One stream under the embedded default tracker. */
export class MobileSamStream implements TrackedStream {
  readonly streamId: string;
  readonly #settings: MobileSamStreamSettings;
  readonly #objects: ObjectTable;
  readonly #estimator = new MotionEstimator();
  readonly #history = new MotionHistory(motionHistoryFrames);
  readonly #landing = new LandingQueue(this.#history);
  readonly #scan: PromptScan;
  readonly #prompted: { readonly objectId: number; readonly shape: PromptShape }[] = [];
  readonly #rejected: Record<string, number> = {};
  #grid: CellGrid | null = null;
  #lastSegmentationNs: bigint | null = null;
  #lastFrame: LastFrame | null = null;
  #forgetAll = false;
  #segmentations = 0;
  #lastSegmentation: SegmentationTiming | null = null;
  #lostTurn = 0;
  #scratch = new Float32Array(0);
  readonly #refinement = new ColourRefinement();
  /** Colours of the frame in hand; computed when first asked for. */
  #colours: ColourGrid | null = null;
  #coloursAreCurrent = false;
  #pixels: Pick<Frame, 'pixels' | 'pixelSize'> | null = null;
  #lastTracks: TrackFrame['tracks'] = [];

  constructor(options: TrackedStreamOptions, settings: MobileSamStreamSettings) {
    this.streamId = options.streamId;
    this.#settings = settings;
    this.#objects = new ObjectTable(options.streamId, settings.maxObjects, options.firstTrackId ?? 1);
    this.#scan = new PromptScan(settings.strategy, settings.repromptIntervalFrames);
  }

  async processFrame(frame: Frame, prompts: readonly Prompt[] = []): Promise<TrackFrame> {
    const begunAt = monotonicMs();
    const { index, timestampNs, width, height, pixelSize } = frame;
    this.#lastFrame = { index, timestampNs, width, height, pixelSize };
    this.#pixels = frame;
    this.#coloursAreCurrent = false;
    try {
      return await this.#track(frame, prompts, begunAt);
    } finally {
      // The pixels are shared memory that belongs to the frame's lease.
      this.#pixels = null;
    }
  }

  async #track(frame: Frame, prompts: readonly Prompt[], begunAt: number): Promise<TrackFrame> {
    const isSceneCut = this.#moveTo(frame);
    let refreshed = this.#receive(frame);
    for (const prompt of prompts) this.#accept(prompt, frame);
    this.#scan.update(frame.index, isSceneCut, this.#scene(frame));
    await this.#startSegmentation(frame);
    if (this.#settings.waitsForSegmentation) await this.#settings.lane?.finished(this.streamId);
    refreshed = this.#receive(frame) || refreshed;
    this.#settleStates(frame);
    return this.#report(frame, refreshed ? 'segmented' : 'propagated', begunAt);
  }

  skipFrame(frame: Frame): void {
    this.#estimator.skip(frame);
  }

  async prompt(prompt: Prompt): Promise<number> {
    if (this.#lastFrame === null) {
      throw new TrackcastError('TRACKCAST_PROMPT_INVALID', `stream ${this.streamId} has shown no frame yet`, {
        streamId: this.streamId,
      });
    }
    return this.#accept(prompt, this.#lastFrame);
  }

  rename(objectId: number, label: string | null): void {
    this.#objects.get(objectId).label = label;
  }

  remove(objectId: number): void {
    this.#objects.remove(objectId);
    this.#landing.drop(objectId);
  }

  reset(): void {
    this.#objects.clear();
    this.#landing.clear();
    this.#scan.reset();
    this.#prompted.length = 0;
    this.#forgetAll = true;
  }

  snapshot(): TrackerSnapshot {
    return { streamId: this.streamId, nextTrackId: this.#objects.nextId, tracks: this.#lastTracks };
  }

  counters(): TrackerCounters {
    return {
      segmentations: this.#segmentations,
      lastSegmentation: this.#lastSegmentation,
      prompts: this.#scan.prompts,
      reprompts: this.#scan.rounds,
      rejectedCandidates: { ...this.#rejected },
    };
  }

  async close(): Promise<void> {
    this.#settings.lane?.closeStream(this.streamId);
    this.#landing.clear();
  }

  /** Estimates the motion to this frame and carries all masks along; true at a scene cut. */
  #moveTo(frame: Frame): boolean {
    const field = this.#history.borrow(frame.lumaWidth, frame.lumaHeight);
    if (!this.#estimator.estimate(frame, field)) {
      this.#history.begin(frame.index);
      this.#regrid(field);
      return false;
    }
    if (field.isSceneCut) {
      this.#history.begin(frame.index);
      this.#landing.clear();
      for (const object of this.#objects.all()) {
        this.#objects.note(object.observe({ kind: 'scene_cut' }, frame.index, frame.timestampNs));
      }
      return true;
    }
    this.#history.record(frame.index);
    for (const object of this.#objects.all()) object.mask?.step(field);
    return false;
  }

  /** Masks outlive a change of the picture's size: they are defined over the unit picture. */
  #regrid(field: MotionField): void {
    const known = this.#grid;
    this.#grid = field;
    if (known === null || (known.lumaWidth === field.lumaWidth && known.lumaHeight === field.lumaHeight))
      return;
    this.#landing.clear();
    for (const object of this.#objects.all()) {
      const logits = object.presentLogits((size) => new Float32Array(size));
      if (logits !== null) object.show(new PropagatedMask(logits, field), object.score, false);
    }
  }

  /** Takes in what the lane has finished and lands what is waiting; true when a mask was refreshed. */
  #receive(frame: Frame): boolean {
    const outcome = this.#settings.lane?.take(this.streamId) ?? null;
    if (outcome?.kind === 'result') {
      this.#segmentations++;
      this.#lastSegmentation = outcome.result.timing;
      this.#integrate(outcome.result, frame);
    } else if (outcome?.kind === 'failure') {
      this.#countRejection('segmentation_failed');
    }
    let refreshed = false;
    this.#landing.land(
      !this.#settings.waitsForSegmentation,
      ({ objectId, mask, score, isNew, appearance }) => {
        const object = this.#objects.find(objectId);
        if (object === undefined) return;
        refreshed = true;
        object.show(mask, score, !isNew, appearance);
        this.#objects.note(object.observe({ kind: 'seen' }, frame.index, frame.timestampNs));
      },
    );
    return refreshed;
  }

  #integrate(result: SegmentationResult, frame: Frame): void {
    const grid = this.#grid;
    if (grid === null) return;
    const occupied = new Uint8Array(result.grid.width * result.grid.height);
    for (const found of result.objects) {
      const object = this.#objects.find(found.objectId);
      if (object === undefined) continue;
      if (found.logits === null) {
        this.#integrateAbsence(object, frame);
        continue;
      }
      for (let at = 0; at < occupied.length; at++) if ((found.logits[at] as number) > 0) occupied[at] = 1;
      const logits: MaskLogits = { ...result.grid, data: found.logits };
      const { objectId, score, appearance } = found;
      this.#landing.add(
        { objectId, logits, score, appearance, frameIndex: result.frameIndex, isNew: false },
        grid,
      );
    }
    const chosen = chooseNewObjects(
      result.candidates,
      result.grid,
      occupied,
      this.#objects.room(),
      undefined,
      (reason) => this.#countRejection(reason),
    );
    for (const index of chosen) {
      const candidate = result.candidates[index];
      if (candidate === undefined) continue;
      const score = candidate.predictedIou * candidate.stability;
      const object = this.#objects.create({
        author: 'strategy',
        label: null,
        frameIndex: frame.index,
        timestampNs: frame.timestampNs,
        score,
      });
      const logits: MaskLogits = { ...result.grid, data: candidate.logits };
      const { frameIndex } = result;
      this.#landing.add(
        { objectId: object.id, logits, score, appearance: null, frameIndex, isNew: true },
        grid,
      );
    }
  }

  /** An automatic object that is not found even once again was no object. */
  #integrateAbsence(object: TrackedObject, frame: Frame): void {
    this.#landing.drop(object.id);
    if (object.author === 'strategy' && object.confirmations === 0) {
      this.#countRejection('not_found_again');
      this.#objects.remove(object.id);
      return;
    }
    this.#objects.note(object.observe({ kind: 'absent' }, frame.index, frame.timestampNs));
  }

  /** Takes a prompt in; what needs the model waits for the next segmentation. */
  #accept(prompt: Prompt, frame: LastFrame): number {
    checkPrompt(prompt, frame, this.streamId);
    const known = prompt.objectId === undefined ? undefined : this.#objects.find(prompt.objectId);
    const object =
      known ??
      this.#objects.create({
        id: prompt.objectId,
        author: prompt.author,
        label: prompt.label ?? null,
        frameIndex: frame.index,
        timestampNs: frame.timestampNs,
        score: 1,
      });
    if (prompt.label !== undefined) object.label = prompt.label;
    const { shape } = prompt;
    if (shape.kind === 'mask' && this.#grid !== null) {
      const logits = promptedLogits(shape.mask, maskGrid(frame.pixelSize));
      this.#landing.drop(object.id);
      const colours = this.#presentColours();
      const appearance = colours === null ? null : learnAppearance(colours, logits.data);
      object.show(new PropagatedMask(logits, this.#grid), 1, true, appearance);
      this.#objects.note(object.observe({ kind: 'seen' }, frame.index, frame.timestampNs));
    }
    this.#prompted.push({ objectId: object.id, shape });
    return object.id;
  }

  /** Hands the frame to the lane if it is free and there is something to look for. */
  async #startSegmentation(frame: Frame): Promise<void> {
    const { lane } = this.#settings;
    if (lane === null || !this.#isSegmentationDue(frame) || !lane.canStart(this.streamId)) return;
    const scene = this.#scene(frame);
    const gridPoints = this.#scan.take(scene);
    const prompted = this.#prompted
      .splice(0)
      .filter(({ objectId }) => this.#objects.find(objectId) !== undefined);
    const targets = this.#targets(new Set(prompted.map(({ objectId }) => objectId)));
    if (targets.length + prompted.length + gridPoints.length === 0) return;
    this.#lastSegmentationNs = frame.timestampNs;
    const forgetAll = this.#forgetAll;
    this.#forgetAll = false;
    await lane.start({
      streamId: this.streamId,
      frameIndex: frame.index,
      pixels: frame.pixels,
      pixelSize: frame.pixelSize,
      width: frame.width,
      height: frame.height,
      targets,
      prompted: prompted.map(({ objectId, shape }) => ({
        objectId,
        shape,
        currentLogits: this.#presentLogits(this.#objects.get(objectId)),
      })),
      gridPoints,
      forgotten: this.#objects.takeForgotten(),
      forgetAll,
    });
  }

  #isSegmentationDue(frame: Frame): boolean {
    if (this.#lastSegmentationNs === null || this.#prompted.length > 0) return true;
    const elapsedSeconds = Number(frame.timestampNs - this.#lastSegmentationNs) / 1e9;
    return elapsedSeconds * this.#settings.maxSegmentationsPerSecond >= 0.999;
  }

  /** Every object in view or just hidden, and a few of the lost ones in turn. */
  #targets(prompted: ReadonlySet<number>): SegmentationTarget[] {
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
        prior: this.#presentLogits(object),
        priorSupport: object.mask?.support ?? 0,
      }));
  }

  #presentLogits(object: TrackedObject): Float32Array | null {
    return object.presentLogits((size) => new Float32Array(size), this.#refine)?.data ?? null;
  }

  readonly #refine: MaskRefiner = (logits, appearance, uncertainty) => {
    const colours = this.#presentColours();
    if (colours !== null) this.#refinement.refine(logits, colours, appearance, uncertainty);
  };

  /** Colours of the frame in hand; null between frames. */
  #presentColours(): ColourGrid | null {
    if (this.#pixels === null) return null;
    if (!this.#coloursAreCurrent) {
      this.#colours = colourGridOf(this.#pixels.pixels, this.#pixels.pixelSize, this.#colours ?? undefined);
      this.#coloursAreCurrent = true;
    }
    return this.#colours;
  }

  /** What strategies may know: where live masks are. */
  #scene(frame: Frame): PromptScene {
    const masks: MaskLogits[] = [];
    const lazily = (): MaskLogits[] => {
      if (masks.length > 0) return masks;
      for (const object of this.#objects.all()) {
        const logits = object.presentLogits((size) => new Float32Array(size));
        if (logits !== null) masks.push(logits);
      }
      return masks;
    };
    return {
      aspectRatio: frame.width / frame.height,
      isCovered: (x, y) => isBlank(frame, x, y) || lazily().some((logits) => sampleLogits(logits, x, y) > 0),
    };
  }

  /** Moves every object through its life cycle by what motion says and by time. */
  #settleStates(frame: Frame): void {
    for (const object of this.#objects.all()) {
      const judged = object.judgeCarriedMask();
      // A doubtful mask is hidden only where a model can find the object again.
      const isDoubted = judged.kind === 'unsupported' && this.#settings.lane === null;
      const observation: Observation = isDoubted ? { kind: 'none' } : judged;
      this.#objects.note(object.observe(observation, frame.index, frame.timestampNs));
    }
    this.#objects.expire(frame.timestampNs);
  }

  #report(frame: Frame, provenance: Provenance, begunAt: number): TrackFrame {
    const tracks = [...this.#objects.all()]
      .filter((object) => object.mask !== null || object.confirmations > 0)
      .map((object) =>
        object.toTrack(frame.width, frame.height, (size) => this.#scratchOf(size), this.#refine),
      );
    this.#lastTracks = tracks;
    const finishedAt = monotonicMs();
    return {
      frame: frameInfoOf(frame),
      provenance,
      latencyMs: {
        decode: frame.decodedAtMs - frame.receivedAtMs,
        queue: begunAt - frame.decodedAtMs,
        track: finishedAt - begunAt,
        total: finishedAt - frame.receivedAtMs,
      },
      tracks,
      events: this.#objects.takeEvents(),
    };
  }

  #scratchOf(size: number): Float32Array {
    if (this.#scratch.length !== size) this.#scratch = new Float32Array(size);
    return this.#scratch;
  }

  #countRejection(reason: string): void {
    this.#rejected[reason] = (this.#rejected[reason] ?? 0) + 1;
  }
}
