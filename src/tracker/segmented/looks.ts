import type { Frame } from '../../buffer/frame.ts';
import type { PromptScene } from '../../prompting/prompt-strategy.ts';
import type { IdentityKeeper } from '../identity/identity-keeper.ts';
import { LaneTurn } from '../lane-turn.ts';
import { failedLook, type LostLook, undetectedLook } from '../lost-look.ts';
import type { ObjectTable } from '../object-table.ts';
import type { SegmentationLane, SegmentationResult, SegmentationTiming } from '../segmentation.ts';
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

/** The looks of one stream: begins one when the lane is free and there is something to look for, and takes it in. */
export class Looks {
  readonly #options: LooksOptions;
  readonly #turn: LaneTurn;
  #finished = 0;
  /** Points of the look under way. */
  #points = 0;
  #lastTiming: SegmentationTiming | null = null;

  constructor(options: LooksOptions) {
    this.#options = options;
    this.#turn = new LaneTurn(options.lane, options.streamId, options.waits);
  }

  /** Looks that had a result. */
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

  /** Takes in what the lane has finished, so that masks wait for their landing. */
  receive(frame: Frame): void {
    const { streamId, lane, carrier, results, onLost } = this.#options;
    const outcome = lane.take(streamId);
    if (outcome === null) return;
    carrier.lookEnded();
    if (outcome.kind === 'result') {
      this.#takeIn(outcome.result, frame);
      return;
    }
    results.countRejection('segmentation_failed');
    this.#comeToNothing();
    onLost(failedLook(outcome.failure));
  }

  close(): void {
    this.#options.lane.closeStream(this.#options.streamId);
  }

  #takeIn(result: SegmentationResult, frame: Frame): void {
    const { streamId, plan, scan, results, onLost } = this.#options;
    this.#finished++;
    scan.countBoxes(result.detection?.tried ?? 0);
    const undetected = undetectedLook(result);
    if (undetected !== null) onLost(undetected);
    this.#lastTiming = result.timing;
    const { candidates } = result.timing;
    if (candidates !== undefined) scan.learnCost(this.#points, candidates);
    const before = discoveries(results);
    switch (results.integrate(result, frame)) {
      case 'integrated':
        plan.lookSucceeded();
        if (discoveries(results) > before) scan.paidOff();
        break;
      case 'unreachable':
        this.#comeToNothing();
        onLost({ kind: 'outdated', streamId, frameIndex: result.frameIndex });
        break;
      case 'unwanted':
        this.#comeToNothing();
    }
  }

  #comeToNothing(): void {
    this.#options.identities.abandonLook();
    this.#options.objects.removeUnseen(this.#options.plan.lookFailed());
  }

  async #begin(frame: Frame, present: PresentFrame, sceneOf: () => PromptScene): Promise<void> {
    const { streamId, lane, objects, carrier, plan, scan } = this.#options;
    const hasWork = objects.size > 0 || plan.hasPrompts || scan.isPending;
    if (!hasWork) {
      // A stream with nothing to look for must not keep others from their turn, nor memory that serves nobody.
      if (plan.isMemoryIdle && lane.canStart(streamId)) {
        lane.closeStream(streamId);
        plan.memoryReleased();
      }
      return;
    }
    if (!plan.isDue(frame.timestampNs)) return;
    // Another stream may take the lane while this one wakes up: only the second question counts.
    if (!(await this.#turn.come()) || !lane.canStart(streamId)) return;
    const hasLiveTracks = [...objects.all()].some((object) => object.mask !== null);
    const detect = scan.takeDetection();
    const gridPoints = detect ? new Float32Array(0) : scan.take(sceneOf(), hasLiveTracks);
    const request = plan.next(frame, present, gridPoints, detect);
    if (request === null) return;
    this.#points = gridPoints.length / 2;
    for (const { objectId } of request.prompted) {
      // From this look on, what the model sees includes the prompt.
      const object = objects.get(objectId);
      object.correctedOn = Math.min(object.correctedOn, frame.index - 1);
    }
    carrier.lookBegan(frame.index);
    this.#options.identities.beginLook(request);
    await lane.start(request);
  }
}

/** Objects that prompting has found or found again so far. */
function discoveries({ identityCounts }: SearchResults): number {
  return identityCounts.adopted + identityCounts.recognised;
}
