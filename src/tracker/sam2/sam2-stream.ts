import { monotonicMs } from '../../clock.ts';
import { TrackcastError } from '../../errors.ts';
import { type MaskLogits, renderMask } from '../../mask/mask-logits.ts';
import type { Sam2Runtime } from '../../model/sam2/sam2-runtime.ts';
import { type ColourGrid, colourGridOf, learnAppearance } from '../appearance.ts';
import {
  type FoundObject,
  maskGrid,
  type SegmentationRequest,
  type SegmentationResult,
} from '../segmentation.ts';
import { CameraPredictor, type CameraPredictorOptions, type ObjectResult } from './camera-predictor.ts';
import { roundsOf, showsAnew, withoutOutdated } from './prompt-rounds.ts';
import type { ObjectPrompt } from './prompted-object.ts';
import { pointerDescriptor, proposedCandidates } from './proposed-candidates.ts';
import { ProposedLook } from './proposed-look.ts';

/** Logits inside a mask from which on it surely has a pixel; enlarging may lose smaller ones. */
const surelySeen = 16;

type Results = Map<number, ObjectResult>;

/**
 * One live stream as SAM 2 sees it, one look at a time: new objects are shown to its memory, everything known is
 * tracked, then people's prompts are taken in, then boxes of a detector and points are tried for what is
 * new.
 *
 * - An automatic object is conditioned by its own candidate on the frame on which that was found, at the beginning of
 *   the next look, while that frame's features are still there. Where they are not, it is conditioned by its mask as
 *   motion has carried it, on the next frame.
 * - An object that memory missed and a candidate turned out to be is shown by that candidate in the same way, so that
 *   memory finds it from then on.
 * - The newest look's frame stays in view until the next look, so that prompts can be taken in on it without encoding
 *   a picture.
 * - A box or a mask of a person shows an object anew: the frame becomes a conditioning frame. Clicks alone correct
 *   what was found on the frame, and those on one frame add up.
 *
 * ```
 *   idle ──look──► looking ──done──► idle        idle ──close──► closed
 *                     └──close──► closing ──done──► closed
 * ```
 */
export class Sam2Stream {
  readonly #runtime: Sam2Runtime;
  readonly #predictor: CameraPredictor;
  #state: 'idle' | 'looking' | 'closing' | 'closed' = 'idle';
  /**
   * Looks so far: the predictor's own count of frames. The stream's indices would not do, for they may begin anew
   * with its source.
   */
  #looks = 0;
  /** The frame of the newest look that has ended well, as long as it can be prompted. */
  #kept: { readonly frameIndex: number; readonly colours: ColourGrid } | null = null;
  #proposed: ProposedLook | null = null;

  constructor(runtime: Sam2Runtime, options: CameraPredictorOptions) {
    this.#runtime = runtime;
    this.#predictor = new CameraPredictor(runtime, options);
  }

  /**
   * Looks at a frame. Looks must not overlap.
   *
   * Throws `TRACKCAST_INFERENCE_FAILED`, for pictures of another size than the model's, too; later looks are none
   * the worse for it.
   */
  async look(request: SegmentationRequest): Promise<SegmentationResult> {
    if (this.#state !== 'idle') {
      const place = { streamId: request.streamId, frameIndex: request.frameIndex };
      throw new TrackcastError('TRACKCAST_INFERENCE_FAILED', `the stream is ${this.#state}`, place);
    }
    this.#state = 'looking';
    try {
      const { pixels } = request;
      return await (pixels === null ? this.#promptKept(request) : this.#look(request, pixels));
    } finally {
      this.#settle();
    }
  }

  /** Forgets everything, at the end of the look if there is one under way. */
  close(): void {
    if (this.#state === 'looking') this.#state = 'closing';
    else if (this.#state === 'idle') this.#end();
  }

  #settle(): void {
    if (this.#state === 'closing') this.#end();
    else this.#state = 'idle';
  }

  #end(): void {
    this.#state = 'closed';
    this.#proposed = null;
    this.#kept = null;
    this.#predictor.dispose();
  }

  async #look(request: SegmentationRequest, pixels: Uint8Array): Promise<SegmentationResult> {
    const { streamId, frameIndex, pixelSize, width, height } = request;
    this.#checkSize(request);
    this.#forget(request);
    this.#kept = null;
    const begun = monotonicMs();
    await this.#conditionAutomatic(request);
    this.#proposed = null;
    const conditioned = monotonicMs();
    await this.#predictor.show(this.#looks++, pixels, width, height);
    const encoded = monotonicMs();
    const results: Results = new Map(await this.#predictor.track(trackedFirst(request)));
    const tracked = monotonicMs();
    await this.#conditionCarried(request, results);
    await this.#takePrompts(request, results);
    const colours = colourGridOf(pixels, pixelSize);
    const objects = this.#foundObjects(request, results, colours);
    const candidates = await proposedCandidates(this.#predictor, request);
    if (candidates.length > 0) this.#proposed = new ProposedLook(frameIndex, candidates);
    this.#kept = { frameIndex, colours };
    const finished = monotonicMs();
    return {
      streamId,
      frameIndex,
      grid: maskGrid(pixelSize),
      objects,
      candidates,
      timing: {
        encode: encoded - conditioned,
        match: tracked - encoded,
        decode: conditioned - begun + (finished - tracked),
        total: finished - begun,
      },
    };
  }

  /** Takes prompts in on the frame of the newest look. */
  async #promptKept(request: SegmentationRequest): Promise<SegmentationResult> {
    const { streamId, frameIndex, pixelSize } = request;
    const kept = this.#kept;
    if (kept === null || kept.frameIndex !== frameIndex) {
      const message = `nothing is kept of frame ${frameIndex}`;
      throw new TrackcastError('TRACKCAST_INFERENCE_FAILED', message, { streamId, frameIndex });
    }
    const begun = monotonicMs();
    this.#forget(request);
    await this.#conditionAutomatic(request);
    const results: Results = new Map(await this.#predictor.track(trackedFirst(request)));
    const tracked = monotonicMs();
    await this.#takePrompts(request, results);
    const objects = this.#foundObjects(request, results, kept.colours);
    const finished = monotonicMs();
    return {
      streamId,
      frameIndex,
      grid: maskGrid(pixelSize),
      objects,
      candidates: [],
      timing: {
        encode: 0,
        match: tracked - begun,
        decode: finished - tracked,
        total: finished - begun,
      },
    };
  }

  #checkSize({ streamId, frameIndex, pixelSize }: SegmentationRequest): void {
    const side = this.#runtime.geometry.imageSize;
    const { width, height, contentWidth, contentHeight } = pixelSize;
    if ([width, height, contentWidth, contentHeight].every((length) => length === side)) return;
    const message = `SAM 2 wants pictures of ${side}x${side}, not ${contentWidth}x${contentHeight}`;
    throw new TrackcastError('TRACKCAST_INFERENCE_FAILED', message, { streamId, frameIndex });
  }

  #forget({ forgetAll, forgotten }: SegmentationRequest): void {
    if (forgetAll) {
      this.#predictor.reset();
      this.#proposed = null;
      this.#kept = null;
    }
    for (const objectId of forgotten) this.#predictor.remove(objectId);
  }

  /** Shows objects where candidates turned out to be they: on the frame of the look before. */
  async #conditionAutomatic({ targets, prompted }: SegmentationRequest): Promise<void> {
    const objects = [...targets, ...prompted];
    const side = this.#runtime.geometry.imageSize;
    await this.#showMasks(this.#proposed?.unshown(objects) ?? [], side, side);
    this.#proposed?.noteShown(objects);
  }

  /** Shows objects that memory does not know where motion has carried them. */
  async #conditionCarried(request: SegmentationRequest, results: Results): Promise<void> {
    const { targets, prompted, width, height } = request;
    const corrected = prompted.filter(({ shape }) => !showsAnew(shape));
    const carried = [
      ...targets.map(({ objectId, prior }) => ({ objectId, logits: prior })),
      ...corrected.map(({ objectId, currentLogits }) => ({ objectId, logits: currentLogits })),
    ].filter(({ objectId }) => !this.#predictor.has(objectId));
    addAll(results, await this.#showMasks(carried, width, height));
  }

  /**
   * Shows objects anew by their masks, those that have one.
   *
   * @param width of the masks that are made of the logits, pixels
   */
  async #showMasks(
    objects: readonly { readonly objectId: number; readonly logits: Float32Array | null }[],
    width: number,
    height: number,
  ): Promise<Results> {
    const prompts = new Map<number, ObjectPrompt>();
    for (const { objectId, logits } of objects) {
      if (logits === null || prompts.has(objectId)) continue;
      const rendered = renderMask(this.#grid(logits), width, height);
      if (rendered === null) continue;
      prompts.set(objectId, { objectId, shape: { kind: 'mask', mask: rendered.mask }, isAnew: true });
    }
    return prompts.size === 0 ? new Map() : this.#predictor.promptAll([...prompts.values()]);
  }

  #grid(data: Float32Array): MaskLogits {
    const { maskSize: side } = this.#runtime.geometry;
    return { width: side, height: side, spanX: side, spanY: side, data };
  }

  async #takePrompts({ prompted, pixels }: SegmentationRequest, results: Results): Promise<void> {
    for (const round of roundsOf(withoutOutdated(prompted), pixels === null)) {
      addAll(results, await this.#predictor.promptAll(round));
    }
  }

  #foundObjects(request: SegmentationRequest, results: Results, colours: ColourGrid): FoundObject[] {
    return [...askedFor(request)].map((objectId) => {
      const result = results.get(objectId);
      if (result === undefined || !this.#isSeen(result, request)) {
        return { objectId, logits: null, score: 0, appearance: null, descriptor: null };
      }
      const logits = result.lowResMask;
      const score = Math.max(0, Math.min(1, result.ious[result.maskIndex] as number));
      const descriptor = pointerDescriptor(result.pointer);
      return { objectId, logits, score, appearance: learnAppearance(colours, logits), descriptor };
    });
  }

  /** Whether there is anything to show of an object: a mask without a pixel is no more than absence. */
  #isSeen({ objectScore, lowResMask }: ObjectResult, { width, height }: SegmentationRequest): boolean {
    if (objectScore <= 0) return false;
    let inside = 0;
    for (const logit of lowResMask) if (logit > 0) inside++;
    if (inside > surelySeen) return true;
    return inside > 0 && renderMask(this.#grid(lowResMask), width, height) !== null;
  }
}

function addAll(results: Results, more: Results): void {
  for (const [objectId, result] of more) results.set(objectId, result);
}

function askedFor({ targets, prompted }: SegmentationRequest): Set<number> {
  return new Set([...targets, ...prompted].map(({ objectId }) => objectId));
}

/** Objects whose memory is asked before any prompt. Lost ones have their turn less often than others. */
function trackedFirst(request: SegmentationRequest): Set<number> {
  const asked = askedFor(request);
  for (const { objectId, shape } of request.prompted) if (showsAnew(shape)) asked.delete(objectId);
  return asked;
}
