import { type Frame, frameInfoOf } from '../../buffer/frame.ts';
import { monotonicMs } from '../../clock.ts';
import { TrackcastError } from '../../errors.ts';
import { resampleLogits } from '../../mask/mask-logits.ts';
import type { ObjectChange } from '../../prompting/object-change.ts';
import type { Prompt, PromptShape } from '../../prompting/prompt.ts';
import type { PromptScene, PromptStrategy } from '../../prompting/prompt-strategy.ts';
import { frameLatency } from '../frame-latency.ts';
import { LaneTurn } from '../lane-turn.ts';
import { failedLook, undetectedLook } from '../lost-look.ts';
import { objectOfPrompt } from '../object-table.ts';
import { checkPrompt, type PromptedFrame, promptedLogits } from '../prompted-mask.ts';
import { maskGrid, type SegmentationLane, type SegmentationTiming } from '../segmentation.ts';
import type { TrackFrame } from '../track.ts';
import type {
  TrackedStream,
  TrackedStreamOptions,
  TrackerCounters,
  TrackerSnapshot,
} from '../video-tracker.ts';
import { innerPoint } from './inner-point.ts';
import { PairedObjects, type ShownFrame } from './paired-objects.ts';

export interface IouStreamSettings {
  /** Where segmentations run; null when nothing is segmented and prompted masks stand still. */
  readonly lane: SegmentationLane | null;
  readonly strategy: PromptStrategy;
  readonly maxObjects: number;
  /** Waits for the lane's turn; false on a virtual clock, which stands still meanwhile. */
  readonly waitsForTurn: boolean;
}

interface WaitingPrompt {
  readonly objectId: number;
  readonly shape: PromptShape;
  /** Whether a look that failed has had it. */
  readonly hasFailed: boolean;
}

type LastFrame = PromptedFrame & ShownFrame & Pick<Frame, 'pixelSize'>;

/**
 * One stream, frame by frame. A frame waits for its own segmentation, so that its masks are about this very
 * picture (`segmented`). Where that cannot be (the models load or fail, other streams have their turn for long,
 * or the clock is virtual) the masks of the last look stand still until the next result is there; such frames say
 * `propagated`, and the frame on which a late result lands says `segmented`.
 */
export class IouStream implements TrackedStream {
  readonly streamId: string;
  readonly #settings: IouStreamSettings;
  readonly #objects: PairedObjects;
  readonly #turn: LaneTurn | null;
  readonly #onLookLost: TrackedStreamOptions['onLookLost'];
  #prompted: WaitingPrompt[] = [];
  /** What the look under way was given. */
  #tried: readonly WaitingPrompt[] = [];
  readonly #rounds = { interval: 0, scene_cut: 0, first_frame: 0 };
  #lastFrame: LastFrame | null = null;
  /** Of the request under way; a result about any other frame is from before a reset. */
  #awaitedFrame: number | null = null;
  #segmentations = 0;
  #prompts = 0;
  #lastSegmentation: SegmentationTiming | null = null;
  #lastTracks: TrackFrame['tracks'] = [];
  #scratch = new Float32Array(0);

  constructor(options: TrackedStreamOptions, settings: IouStreamSettings) {
    this.streamId = options.streamId;
    this.#onLookLost = options.onLookLost;
    this.#settings = settings;
    this.#objects = new PairedObjects(options.streamId, settings.maxObjects, options.firstTrackId ?? 1);
    const { lane, waitsForTurn } = settings;
    this.#turn = lane === null ? null : new LaneTurn(lane, options.streamId, waitsForTurn);
  }

  async processFrame(frame: Frame, prompts: readonly Prompt[] = []): Promise<TrackFrame> {
    const begunAt = monotonicMs();
    const { index, timestampNs, width, height, pixelSize, lumaWidth, lumaHeight } = frame;
    this.#lastFrame = { index, timestampNs, width, height, pixelSize, lumaWidth, lumaHeight };
    const isLate = this.#receive(frame);
    for (const prompt of prompts) this.#accept(prompt, this.#lastFrame);
    await this.#segment(frame);
    const isSegmented = this.#receive(frame) || isLate;
    this.#objects.letTimePass(frame);
    const tracks = [...this.#objects.table.all()]
      .filter((object) => object.mask !== null || object.confirmations > 0)
      .map((object) => object.toTrack(width, height, (size) => this.#scratchOf(size)));
    this.#lastTracks = tracks;
    return {
      frame: frameInfoOf(frame),
      provenance: isSegmented ? 'segmented' : 'propagated',
      latencyMs: frameLatency(frame, begunAt, monotonicMs()),
      tracks,
      events: this.#objects.table.takeEvents(),
    };
  }

  skipFrame(): void {
    // Nothing is carried from frame to frame.
  }

  async prompt(prompt: Prompt): Promise<number> {
    if (this.#lastFrame === null) {
      throw new TrackcastError('TRACKCAST_PROMPT_INVALID', `stream ${this.streamId} has shown no frame yet`, {
        streamId: this.streamId,
      });
    }
    return this.#accept(prompt, this.#lastFrame);
  }

  change(objectId: number, change: ObjectChange): void {
    this.#objects.table.get(objectId).change(change);
  }

  remove(objectId: number): void {
    this.#objects.remove(objectId);
  }

  reset(): void {
    this.#objects.clear();
    this.#prompted = [];
    this.#tried = [];
    this.#awaitedFrame = null;
  }

  snapshot(): TrackerSnapshot {
    return { streamId: this.streamId, nextTrackId: this.#objects.table.nextId, tracks: this.#lastTracks };
  }

  counters(): TrackerCounters {
    return {
      segmentations: this.#segmentations,
      lastSegmentation: this.#lastSegmentation,
      prompts: this.#prompts,
      reprompts: { ...this.#rounds },
      rejectedCandidates: this.#objects.rejected,
    };
  }

  async close(): Promise<void> {
    this.#settings.lane?.closeStream(this.streamId);
  }

  /** Takes a prompt in: a mask is shown at once, the rest is drawn by the next segmentation. */
  #accept(prompt: Prompt, frame: LastFrame): number {
    checkPrompt(prompt, frame, this.streamId);
    const { shape, timestampNs } = prompt;
    if (timestampNs !== undefined && timestampNs !== frame.timestampNs) {
      const message = `stream ${this.streamId} keeps no motion, so only its newest frame can be prompted`;
      throw new TrackcastError('TRACKCAST_FRAME_UNREACHABLE', message, { streamId: this.streamId });
    }
    // Decoded before anything changes, because its runs may be wrong.
    const logits = shape.kind === 'mask' ? promptedLogits(shape.mask, maskGrid(frame.pixelSize)) : null;
    const object = objectOfPrompt(prompt, frame, this.#objects);
    if (logits === null) this.#prompted.push({ objectId: object.id, shape, hasFailed: false });
    else this.#objects.give(object, logits, frame);
    return object.id;
  }

  /** Has this frame segmented if the lane takes it, and waits for the result where time passes meanwhile. */
  async #segment(frame: Frame): Promise<void> {
    const { lane, strategy } = this.#settings;
    if (lane === null || this.#turn === null) return;
    const { pixelSize, pixels: colours } = frame;
    const scene: PromptScene = {
      aspectRatio: frame.width / frame.height,
      luma: frame,
      colours: { ...pixelSize, colours },
      isCovered: () => false,
    };
    const whole = strategy.propose(scene, 0);
    const again = this.#objects.lastPlaces.flatMap((place) => {
      const point = innerPoint(place);
      return point === null ? [] : [point.x, point.y];
    });
    const gridPoints = Float32Array.from([...again, ...whole]);
    const detect = strategy.usesDetector === true;
    if ((gridPoints.length + this.#prompted.length === 0 && !detect) || !(await this.#turn.come())) return;
    // Another stream may have taken the lane while this one was waking up.
    if (!lane.canStart(this.streamId)) return;
    if (whole.length > 0 || detect) this.#rounds[this.#segmentations === 0 ? 'first_frame' : 'interval']++;
    this.#prompts += gridPoints.length / 2;
    this.#tried = this.#prompted.filter(({ objectId }) => this.#objects.find(objectId) !== undefined);
    this.#prompted = [];
    this.#awaitedFrame = frame.index;
    await lane.start({
      streamId: this.streamId,
      frameIndex: frame.index,
      pixels: frame.pixels,
      pixelSize: frame.pixelSize,
      width: frame.width,
      height: frame.height,
      targets: [],
      prompted: this.#tried.map(({ objectId, shape }) => ({
        objectId,
        shape,
        currentLogits: this.#logitsOn(frame, objectId),
      })),
      gridPoints,
      detect,
      forgotten: this.#objects.table.takeForgotten(),
      // No frame is compared with one before, so none need be remembered.
      forgetAll: true,
    });
    await lane.finished(this.streamId);
  }

  /** An object's mask on the grid of this frame, which may have another size than the one it was seen on. */
  #logitsOn(frame: Frame, objectId: number): Float32Array | null {
    const logits = this.#objects.table.get(objectId).presentLogits((size) => new Float32Array(size));
    return logits === null ? null : resampleLogits(logits, maskGrid(frame.pixelSize)).data;
  }

  /** Takes in what the lane has finished; true when a look has changed the tracks. */
  #receive(frame: Frame): boolean {
    const outcome = this.#settings.lane?.take(this.streamId) ?? null;
    if (outcome === null) return false;
    if (outcome.kind === 'failure') {
      this.#objects.countRejection('segmentation_failed');
      this.#tryAgain();
      this.#onLookLost?.(failedLook(outcome.failure));
      return false;
    }
    const { result } = outcome;
    this.#segmentations++;
    this.#lastSegmentation = result.timing;
    this.#prompts += result.detection?.tried ?? 0;
    const undetected = undetectedLook(result);
    if (undetected !== null) {
      this.#objects.countRejection('detector_failed');
      this.#onLookLost?.(undetected);
    }
    if (result.frameIndex !== this.#awaitedFrame) return false;
    this.#tried = [];
    this.#objects.integrate(result, frame);
    return true;
  }

  /** Gives the prompts of a look that failed to the next one. Objects that a second failure leaves unseen go. */
  #tryAgain(): void {
    const tried = this.#tried;
    this.#tried = [];
    const again = tried.filter(({ hasFailed }) => !hasFailed);
    this.#prompted = [...again.map((prompt) => ({ ...prompt, hasFailed: true })), ...this.#prompted];
    const waiting = new Set(this.#prompted.map(({ objectId }) => objectId));
    const givenUp = tried.map(({ objectId }) => objectId).filter((objectId) => !waiting.has(objectId));
    this.#objects.table.removeUnseen(givenUp);
  }

  #scratchOf(size: number): Float32Array {
    if (this.#scratch.length !== size) this.#scratch = new Float32Array(size);
    return this.#scratch;
  }
}
