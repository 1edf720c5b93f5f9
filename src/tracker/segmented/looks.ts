import type { Frame } from '../../buffer/frame.ts';
import type { PromptScene } from '../../prompting/prompt-strategy.ts';
import type { IdentityKeeper } from '../identity/identity-keeper.ts';
import { LaneTurn } from '../lane-turn.ts';
import { failedLook, type LostLook, undetectedLook } from '../lost-look.ts';
import type { ObjectTable } from '../object-table.ts';
import type {
  SegmentationLane,
  SegmentationRequest,
  SegmentationResult,
  SegmentationTiming,
} from '../segmentation.ts';
import { isFresh, type KeptFrame } from './kept-frame.ts';
import type { MaskCarrier } from './mask-carrier.ts';
import type { PresentFrame } from './present-frame.ts';
import type { PromptScan } from './prompt-scan.ts';
import type { SearchPlan } from './search-plan.ts';
import type { SearchResults } from './search-results.ts';

/** What one stream's looks are made of. */
export interface LooksOptions {
  readonly streamId: string;
  readonly lane: SegmentationLane;
  /** Waits for every look before the frame's tracks are given. */
  readonly waits: boolean;
  readonly objects: ObjectTable;
  readonly carrier: MaskCarrier;
  readonly plan: SearchPlan;
  readonly scan: PromptScan;
  readonly results: SearchResults;
  readonly identities: IdentityKeeper;
  /** Told of looks that came to nothing. */
  readonly onLost: (look: LostLook) => void;
}

/** A look that the lane is at. */
interface UnderWay {
  /** What the segmenter will have kept when it is done. */
  readonly kept: KeptFrame;
  /** Whether it goes on from what the look before has left. */
  readonly isOnKept: boolean;
}

/** The looks of one stream: begins one when the lane is free and there is something to look for, and takes it in. */
export class Looks {
  readonly #options: LooksOptions;
  readonly #turn: LaneTurn;
  #finished = 0;
  /** Points of the look under way. */
  #points = 0;
  #lastTiming: SegmentationTiming | null = null;
  /** What the segmenter has kept of its last look; null where that is not known. */
  #kept: KeptFrame | null = null;
  /** The look under way. */
  #underWay: UnderWay | null = null;

  constructor(options: LooksOptions) {
    this.#options = options;
    this.#turn = new LaneTurn(options.lane, options.streamId, options.waits);
  }

  /** Looks at whole frames that had a result. */
  get finished(): number {
    return this.#finished;
  }

  /** How long the newest of them took. */
  get lastTiming(): SegmentationTiming | null {
    return this.#lastTiming;
  }

  /**
   * Hands the frame to the lane if that is free and there is something to look for. Resolves once the frame's pixels
   * are not needed any more, and if looks are waited for, once the result is there.
   *
   * @param sceneOf the frame as strategies see it, when called
   */
  async begin(frame: Frame, present: PresentFrame, sceneOf: () => PromptScene): Promise<void> {
    await this.#begin(frame, present, sceneOf);
    if (this.#options.waits) await this.#options.lane.finished(this.#options.streamId);
  }

  /**
   * Hands waiting prompts to the lane, if that is free and they can be decoded on the frame that was looked at last:
   * that takes no picture and hardly any time. Nothing else is looked for.
   *
   * @param presentNs capture clock of the newest frame
   */
  async beginPrompted(presentNs: bigint): Promise<void> {
    const { streamId, lane, waits, plan } = this.#options;
    // Where looks are waited for, the next frame brings one before anybody sees it.
    if (waits || !plan.hasPrompts || this.#kept === null || !lane.canStart(streamId, true)) return;
    await this.#beginOnKept(presentNs);
  }

  /** Takes in what the lane has finished, so that masks wait for their landing. */
  receive(frame: Frame): void {
    const { streamId, lane, carrier, results, onLost } = this.#options;
    const outcome = lane.take(streamId);
    if (outcome === null) return;
    carrier.lookEnded();
    const underWay = this.#underWay;
    this.#underWay = null;
    if (outcome.kind === 'result') {
      this.#takeIn(outcome.result, frame, underWay);
      return;
    }
    this.#kept = null;
    results.countRejection('segmentation_failed');
    this.#comeToNothing();
    onLost(failedLook(outcome.failure));
  }

  close(): void {
    this.#options.lane.closeStream(this.#options.streamId);
  }

  #takeIn(result: SegmentationResult, frame: Frame, underWay: UnderWay | null): void {
    const { streamId, plan, results, onLost } = this.#options;
    if (underWay?.isOnKept !== true) this.#learnFrom(result);
    this.#kept = null;
    switch (results.integrate(result, frame)) {
      case 'integrated':
        plan.lookSucceeded();
        this.#kept = underWay === null ? null : keptAfter(underWay, frame);
        break;
      case 'unreachable':
        this.#comeToNothing();
        onLost({ kind: 'outdated', streamId, frameIndex: result.frameIndex });
        break;
      case 'unwanted':
        this.#comeToNothing();
    }
  }

  /** Takes note of what a look at a whole frame cost. */
  #learnFrom(result: SegmentationResult): void {
    const { scan, onLost } = this.#options;
    this.#finished++;
    scan.countBoxes(result.detection?.tried ?? 0);
    const undetected = undetectedLook(result);
    if (undetected !== null) onLost(undetected);
    this.#lastTiming = result.timing;
    const { candidates } = result.timing;
    if (candidates !== undefined) scan.learnCost(this.#points, candidates);
  }

  #comeToNothing(): void {
    this.#options.identities.abandonLook();
    this.#options.objects.removeUnseen(this.#options.plan.lookFailed());
  }

  async #begin(frame: Frame, present: PresentFrame, sceneOf: () => PromptScene): Promise<void> {
    const { streamId, lane, objects, plan, scan } = this.#options;
    const hasWork = objects.size > 0 || plan.hasPrompts || scan.isPending;
    if (!hasWork) {
      // A stream with nothing to look for must not keep others from their turn, nor memory that serves nobody.
      if (plan.isMemoryIdle && lane.canStart(streamId)) {
        lane.closeStream(streamId);
        plan.memoryReleased();
        this.#kept = null;
      }
      return;
    }
    if (!plan.isDue(frame.timestampNs)) return;
    // Another stream may take the lane while this one wakes up: only the second question counts.
    const isUrgent = plan.hasPrompts;
    if (!(await this.#turn.come(isUrgent)) || !lane.canStart(streamId, isUrgent)) return;
    if (!this.#options.waits && (await this.#beginOnKept(frame.timestampNs))) return;
    const hasLiveTracks = [...objects.all()].some((object) => object.mask !== null);
    const detect = scan.takeDetection();
    const gridPoints = detect ? new Float32Array(0) : scan.take(sceneOf(), hasLiveTracks);
    const request = plan.next(frame, present, gridPoints, detect);
    if (request === null) return;
    this.#points = gridPoints.length / 2;
    this.#kept = null;
    this.#options.results.lookBegan(present.seenShareOf(frame));
    await this.#start(request, { kept: keptFrameOf(frame), isOnKept: false });
  }

  /** Whether prompts wait that can be decoded on what the segmenter has kept, and the lane now does so. */
  async #beginOnKept(presentNs: bigint): Promise<boolean> {
    const { carrier, plan } = this.#options;
    const kept = this.#kept;
    if (kept === null || !isFresh(kept, presentNs) || !carrier.reachesBackTo(kept.frameIndex)) return false;
    const request = plan.nextOnKept(kept, (from, to) => carrier.motionBetween(from, to));
    if (request === null) return false;
    await this.#start(request, { kept, isOnKept: true });
    return true;
  }

  async #start(request: SegmentationRequest, underWay: UnderWay): Promise<void> {
    const { lane, objects, carrier, identities } = this.#options;
    for (const { objectId } of request.prompted) {
      // From this look on, what the model sees includes the prompt.
      const object = objects.get(objectId);
      object.correctedOn = Math.min(object.correctedOn, request.frameIndex - 1);
    }
    this.#underWay = underWay;
    carrier.lookBegan(request.frameIndex);
    identities.beginLook(request);
    await lane.start(request);
  }
}

function keptFrameOf({ index, timestampNs, pixelSize, width, height }: Frame): KeptFrame {
  return { frameIndex: index, timestampNs, pixelSize, width, height, lookNs: 0n };
}

function keptAfter({ kept, isOnKept }: UnderWay, { timestampNs }: Frame): KeptFrame {
  return isOnKept ? kept : { ...kept, lookNs: timestampNs - kept.timestampNs };
}
