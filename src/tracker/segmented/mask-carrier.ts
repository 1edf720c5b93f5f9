import type { Frame } from '../../buffer/frame.ts';
import { type MaskLogits, resampleLogits } from '../../mask/mask-logits.ts';
import { type CameraMotion, fitCameraMotion } from '../../prompting/camera-motion.ts';
import type { ObjectTable } from '../object-table.ts';
import { MotionEstimator } from '../propagation/motion-estimator.ts';
import type { CellGrid, MotionField } from '../propagation/motion-field.ts';
import { MotionHistory } from '../propagation/motion-history.ts';
import { PropagatedMask } from '../propagation/propagated-mask.ts';
import { maskGrid } from '../segmentation.ts';
import { type Arrival, LandingQueue } from './landing-queue.ts';

/**
 * Motion fields kept, of 37 kB each for wide pictures. Looks of up to so many frames land with the motion of every
 * single frame; longer ones do so with coarser steps, which land almost as well and cast less doubt on the mask.
 */
const motionHistoryFields = 128;

/** A mask about an earlier frame. */
export type LateMask = Omit<Arrival, 'mask' | 'atFrame'> & {
  readonly logits: MaskLogits;
  readonly frameIndex: number;
};

/** Moves masks with the picture: those that are shown, frame by frame, and those that come late, in one go. */
export class MaskCarrier {
  readonly #objects: ObjectTable;
  readonly #estimator = new MotionEstimator();
  readonly #history = new MotionHistory(motionHistoryFields);
  readonly #landing = new LandingQueue(this.#history);
  /** Frame that a look under way is about. */
  #lookedAt: number | null = null;
  #grid: CellGrid | null = null;
  #motion: MotionField | null = null;
  #camera: { readonly motion: CameraMotion | null } | null = null;

  constructor(objects: ObjectTable) {
    this.#objects = objects;
  }

  /** The motion that led to the frame in hand; null where that continues no other. Valid until the next frame. */
  get motion(): MotionField | null {
    return this.#motion;
  }

  /** What of the motion is the camera's, fitted when first asked for; null where it cannot be told. */
  get camera(): CameraMotion | null {
    this.#camera ??= { motion: this.#motion === null ? null : fitCameraMotion(this.#motion) };
    return this.#camera.motion;
  }

  /** Estimates the motion to this frame and carries all masks along; true at a scene cut, which hides them. */
  moveTo(frame: Frame): boolean {
    const field = this.#history.borrow(frame.lumaWidth, frame.lumaHeight, this.#heldFrames());
    this.#motion = null;
    this.#camera = null;
    if (!this.#estimator.estimate(frame, field)) {
      this.#history.begin(frame.index);
      this.#regrid(field, maskGrid(frame.pixelSize));
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
    this.#motion = field;
    for (const object of this.#objects.all()) object.mask?.step(field);
    return false;
  }

  /** Takes note of the motion of a frame that is not tracked. */
  skip(frame: Frame): void {
    this.#estimator.skip(frame);
  }

  /** Keeps a way back to this frame, however long the look at it takes, until `lookEnded`. */
  lookBegan(frameIndex: number): void {
    this.#lookedAt = frameIndex;
  }

  lookEnded(): void {
    this.#lookedAt = null;
  }

  /**
   * A mask on the frame in hand, ready to be carried; null before the first frame.
   *
   * @param since motion that led from the frame of the logits to this one
   */
  anchor(logits: MaskLogits, since: readonly MotionField[] = []): PropagatedMask | null {
    if (this.#grid === null) return null;
    const mask = new PropagatedMask(logits, this.#grid);
    for (const field of since) mask.step(field);
    return mask;
  }

  /** Motion from one earlier frame to a later one, oldest first; null where it is not known all the way. */
  motionBetween(from: number, to: number): readonly MotionField[] | null {
    return this.#history.between(from, to);
  }

  /** Lets a mask of an earlier frame wait for its landing. */
  addLate(mask: LateMask): void {
    if (this.#grid !== null) this.#landing.add(mask, this.#grid);
  }

  /** Whether a mask of that earlier frame could still be brought to the present. */
  reachesBackTo(frameIndex: number): boolean {
    return this.#history.since(frameIndex) !== null;
  }

  /** Brings late masks to the present, at most some of them at a time if told so. */
  land(limitSteps: boolean, onLanded: (arrival: Arrival) => void): void {
    this.#landing.land(limitSteps, onLanded);
  }

  /** Forgets what waits for one object. */
  drop(objectId: number): void {
    this.#landing.drop(objectId);
  }

  /** Forgets all that waits. */
  clear(): void {
    this.#landing.clear();
  }

  #heldFrames(): number[] {
    const waiting = this.#landing.frames;
    return this.#lookedAt === null ? waiting : [...waiting, this.#lookedAt];
  }

  /** Masks outlive a change of the picture's size: they are defined over the unit picture. */
  #regrid(grid: CellGrid, masks: ReturnType<typeof maskGrid>): void {
    this.#grid = grid;
    this.#landing.clear();
    for (const object of this.#objects.all()) {
      const logits = object.presentLogits((size) => new Float32Array(size));
      if (logits === null) continue;
      object.show(new PropagatedMask(resampleLogits(logits, masks), grid), object.score, false);
    }
  }
}
