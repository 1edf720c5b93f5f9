import { type Frame, frameInfoOf } from '../../buffer/frame.ts';
import { monotonicMs } from '../../clock.ts';
import { TrackcastError } from '../../errors.ts';
import { absentLogit } from '../../mask/mask-logits.ts';
import type { CandidateGates } from '../../prompting/candidate-filter.ts';
import type { ObjectChange } from '../../prompting/object-change.ts';
import type { Prompt } from '../../prompting/prompt.ts';
import type { PromptScene, PromptStrategy } from '../../prompting/prompt-strategy.ts';
import { frameLatency } from '../frame-latency.ts';
import { IdentityKeeper } from '../identity/identity-keeper.ts';
import type { Observation } from '../life-cycle.ts';
import { ObjectTable, objectOfPrompt } from '../object-table.ts';
import { checkPrompt, type PromptedFrame, promptedLogits } from '../prompted-mask.ts';
import type { PropagatedMask } from '../propagation/propagated-mask.ts';
import { maskGrid, type SegmentationLane } from '../segmentation.ts';
import type { Provenance, TrackFrame } from '../track.ts';
import type { TrackedObject } from '../tracked-object.ts';
import type {
  TrackedStream,
  TrackedStreamOptions,
  TrackerCounters,
  TrackerSnapshot,
} from '../video-tracker.ts';
import { Looks } from './looks.ts';
import { MaskCarrier } from './mask-carrier.ts';
import { smoothMask } from './mask-smoothing.ts';
import { PastFrames } from './past-frames.ts';
import { PresentFrame } from './present-frame.ts';
import { PromptScan } from './prompt-scan.ts';
import { SearchPlan } from './search-plan.ts';
import { SearchResults } from './search-results.ts';

export interface SegmentedStreamSettings {
  /** Where segmentations run; null to carry prompted masks on motion alone. */
  readonly lane: SegmentationLane | null;
  readonly strategy: PromptStrategy;
  readonly repromptIntervalFrames: number;
  /** Milliseconds of a look that points for new objects may take beside live tracks; null for fixed counts. */
  readonly promptBudgetMs: number | null;
  /** Weight of the carried mask when a fresh one lands, 0 (none) to below 1. */
  readonly maskSmoothing: number;
  /** What candidates must be like to become objects. */
  readonly gates: CandidateGates;
  readonly maxObjects: number;
  /** Segmentations per second of the capture clock at most. */
  readonly maxSegmentationsPerSecond: number;
  /** Waits for every segmentation before the frame's tracks are given. */
  readonly waitsForSegmentation: boolean;
}

/** What later prompts need to know of the newest frame. */
type LastFrame = PromptedFrame & Pick<Frame, 'pixelSize'>;

/**
 * One stream. On every frame masks move with the picture; what the model has found meanwhile about an earlier frame
 * lands; and when the model is free, it is given this frame.
 */
export class SegmentedStream implements TrackedStream {
  readonly streamId: string;
  readonly #settings: SegmentedStreamSettings;
  readonly #objects: ObjectTable;
  readonly #carrier: MaskCarrier;
  readonly #plan: SearchPlan;
  readonly #scan: PromptScan;
  readonly #present = new PresentFrame();
  readonly #identities: IdentityKeeper;
  readonly #results: SearchResults;
  /** Null where nothing is segmented. */
  readonly #looks: Looks | null;
  readonly #frames: PastFrames<LastFrame>;
  #lastTracks: TrackFrame['tracks'] = [];

  constructor(options: TrackedStreamOptions, settings: SegmentedStreamSettings) {
    const { streamId, onLookLost } = options;
    const { lane, waitsForSegmentation } = settings;
    this.streamId = streamId;
    this.#settings = settings;
    this.#frames = new PastFrames(streamId);
    this.#objects = new ObjectTable(streamId, settings.maxObjects, options.firstTrackId ?? 1);
    this.#carrier = new MaskCarrier(this.#objects);
    this.#identities = new IdentityKeeper(this.#objects);
    this.#results = new SearchResults(this.#objects, this.#carrier, this.#identities, settings.gates);
    this.#plan = new SearchPlan(streamId, this.#objects, settings.maxSegmentationsPerSecond);
    this.#scan = new PromptScan(settings.strategy, settings.repromptIntervalFrames, {
      msPerRun: settings.promptBudgetMs,
    });
    this.#looks =
      lane === null
        ? null
        : new Looks({
            streamId,
            lane,
            waits: waitsForSegmentation,
            objects: this.#objects,
            carrier: this.#carrier,
            plan: this.#plan,
            scan: this.#scan,
            results: this.#results,
            identities: this.#identities,
            onLost: (look) => onLookLost?.(look),
          });
  }

  async processFrame(frame: Frame, prompts: readonly Prompt[] = []): Promise<TrackFrame> {
    const begunAt = monotonicMs();
    const { index, timestampNs, width, height, pixelSize } = frame;
    this.#frames.add({ index, timestampNs, width, height, pixelSize });
    this.#present.begin(frame);
    try {
      const isSceneCut = this.#carrier.moveTo(frame);
      this.#identities.moveTo(this.#carrier);
      this.#objects.removeUnseen(this.#plan.movePrompts(frame, isSceneCut, this.#carrier.motion));
      let isRefreshed = this.#receive(frame);
      for (const prompt of prompts) this.#accept(prompt, frame);
      this.#scan.update(index, isSceneCut, this.#sceneOf(frame), this.#objects.takeHidden());
      await this.#looks?.begin(frame, this.#present, () => this.#sceneOf(frame));
      isRefreshed = this.#receive(frame) || isRefreshed;
      this.#settleStates(frame);
      return this.#report(frame, isRefreshed ? 'segmented' : 'propagated', begunAt);
    } finally {
      this.#present.end();
    }
  }

  skipFrame(frame: Frame): void {
    this.#carrier.skip(frame);
  }

  async prompt(prompt: Prompt): Promise<number> {
    const present = this.#frames.newest;
    if (present === null) {
      throw new TrackcastError('TRACKCAST_PROMPT_INVALID', `stream ${this.streamId} has shown no frame yet`, {
        streamId: this.streamId,
      });
    }
    const objectId = this.#accept(prompt, present);
    await this.#looks?.beginPrompted(present.timestampNs);
    return objectId;
  }

  change(objectId: number, change: ObjectChange): void {
    this.#objects.get(objectId).change(change);
  }

  remove(objectId: number): void {
    this.#objects.remove(objectId);
    this.#carrier.drop(objectId);
  }

  reset(): void {
    this.#objects.clear();
    this.#carrier.clear();
    this.#scan.reset();
    this.#plan.forgetAll();
    this.#results.ignoreUpTo(this.#frames.newest?.index ?? -1);
    this.#lastTracks = [];
  }

  snapshot(): TrackerSnapshot {
    return { streamId: this.streamId, nextTrackId: this.#objects.nextId, tracks: this.#lastTracks };
  }

  counters(): TrackerCounters {
    return {
      segmentations: this.#looks?.finished ?? 0,
      lastSegmentation: this.#looks?.lastTiming ?? null,
      prompts: this.#scan.prompts,
      reprompts: this.#scan.rounds,
      rejectedCandidates: this.#results.rejected,
      identities: this.#results.identityCounts,
    };
  }

  async close(): Promise<void> {
    this.#looks?.close();
    this.#carrier.clear();
  }

  /** Takes in what the lane has finished and lands what is waiting; true when a mask was refreshed. */
  #receive(frame: Frame): boolean {
    this.#looks?.receive(frame);
    let isRefreshed = false;
    this.#carrier.land(
      !this.#settings.waitsForSegmentation,
      ({ objectId, mask, score, isNew, appearance }) => {
        const object = this.#objects.find(objectId);
        if (object === undefined) return;
        isRefreshed = true;
        const steadied = this.#steadied(object, mask);
        object.show(steadied.mask, score * steadied.support, !isNew, appearance);
        this.#objects.note(object.observe({ kind: 'seen' }, frame.index, frame.timestampNs));
      },
    );
    return isRefreshed;
  }

  /** A mask that lands, smoothed by the one that it takes the place of where that is wanted; and what it has lost. */
  #steadied(object: TrackedObject, mask: PropagatedMask): { mask: PropagatedMask; support: number } {
    const { maskSmoothing } = this.#settings;
    const asItIs = { mask, support: 1 };
    if (maskSmoothing === 0) return asItIs;
    const carried = object.presentLogits((size) => new Float32Array(size));
    if (carried === null) return asItIs;
    const fresh = new Float32Array(carried.data.length).fill(absentLogit);
    mask.render(fresh);
    smoothMask(fresh, carried.data, maskSmoothing);
    const smoothed = this.#carrier.anchor({ ...carried, data: fresh });
    // The smoothed mask begins anew: what the fresh one has lost on its way is kept in its score.
    return smoothed === null ? asItIs : { mask: smoothed, support: mask.support };
  }

  /** Takes a prompt in; what needs the model waits for the next segmentation. */
  #accept(prompt: Prompt, present: LastFrame): number {
    const { shape, timestampNs } = prompt;
    const isReachable = (frameIndex: number) => this.#carrier.reachesBackTo(frameIndex);
    const seen = timestampNs === undefined ? present : this.#frames.at(timestampNs, isReachable);
    checkPrompt(prompt, seen, this.streamId);
    const since = this.#carrier.motionBetween(seen.index, present.index) ?? [];
    const logits = shape.kind === 'mask' ? promptedLogits(shape.mask, maskGrid(seen.pixelSize)) : null;
    const object = objectOfPrompt(prompt, present, this.#objects);
    const mask = logits === null ? null : this.#carrier.anchor(logits, since);
    if (logits !== null && mask !== null) {
      this.#carrier.drop(object.id);
      object.correctedOn = present.index;
      const appearance = seen === present ? this.#present.appearanceOf(logits.data) : null;
      object.show(mask, 1, true, appearance);
      this.#objects.note(object.observe({ kind: 'seen' }, present.index, present.timestampNs));
    }
    if (this.#looks !== null) {
      const given = { objectId: object.id, shape, frameIndex: seen.index };
      this.#objects.removeUnseen(this.#plan.addPrompt(given, present, since));
    }
    return object.id;
  }

  #sceneOf(frame: Frame): PromptScene {
    return this.#present.sceneOf(frame, this.#objects.all(), this.#carrier);
  }

  /** Moves every object through its life cycle by what motion says and by time. */
  #settleStates(frame: Frame): void {
    for (const object of this.#objects.all()) {
      const judged = object.judgeCarriedMask();
      // A doubtful mask is hidden only where a model can find the object again.
      const isDoubted = judged.kind === 'unsupported' && this.#looks === null;
      const observation: Observation = isDoubted ? { kind: 'none' } : judged;
      this.#objects.note(object.observe(observation, frame.index, frame.timestampNs));
    }
    this.#objects.expire(frame.timestampNs);
  }

  #report(frame: Frame, provenance: Provenance, begunAt: number): TrackFrame {
    const tracks = [...this.#objects.all()]
      .filter((object) => !object.isOnProbation && (object.mask !== null || object.confirmations > 0))
      .map((object) => this.#present.trackOf(object, frame.width, frame.height));
    this.#lastTracks = tracks;
    const events = this.#objects.takeEvents();
    if (events.some(({ kind }) => kind === 'created' || kind === 'recovered')) this.#scan.paidOff();
    const reprompt = this.#scan.takeBegun();
    return {
      frame: frameInfoOf(frame),
      provenance,
      latencyMs: frameLatency(frame, begunAt, monotonicMs()),
      tracks,
      events,
      ...(reprompt === null ? {} : { reprompt }),
    };
  }
}
