import type { Frame } from '../../buffer/frame.ts';
import type { PromptShape } from '../../prompting/prompt.ts';
import { type MotionField, sampleGrid } from '../propagation/motion-field.ts';
import { carriedBack, carriedOn, hasExtent, type PictureSize } from './shape-motion.ts';
import type { GivenPrompt } from './waiting-prompts.ts';

/** The frame of a stream's last look, as long as the segmenter keeps what its encoder made of it. */
export interface KeptFrame extends Pick<Frame, 'pixelSize' | 'timestampNs' | 'width' | 'height'> {
  readonly frameIndex: number;
  /** How long the look at it took, nanoseconds of the capture clock. */
  readonly lookNs: bigint;
}

/** How long ago a frame may be for prompts still to be decoded on it, nanoseconds. */
const usualAgeNs = 2_000_000_000n;
/** The same, less what a look takes: another one would bring its result from as long ago. */
const ageAfterLookNs = 1_000_000_000n;

/** Difference after motion compensation from which on a place shows another surface, grey levels. */
const maxResidual = 22;

/** Whether prompts of the present may still be decoded on a kept frame. */
export function isFresh({ timestampNs, lookNs }: KeptFrame, presentNs: bigint): boolean {
  const age = presentNs - timestampNs;
  const slowAgeNs = lookNs + ageAfterLookNs;
  return age >= 0n && age <= (slowAgeNs > usualAgeNs ? slowAgeNs : usualAgeNs);
}

/**
 * A prompt as it would have been given on the kept frame, earlier or later than its own; null where it cannot be
 * told: the motion is not known or does not explain what is there, the place was out of the picture, or the prompt is
 * a mask, which its object shows.
 *
 * @param motionBetween from one frame to a later one
 */
export function shapeOnKept(
  { shape, frameIndex: given }: GivenPrompt,
  { frameIndex: kept, width, height }: KeptFrame,
  motionBetween: (from: number, to: number) => readonly MotionField[] | null,
): PromptShape | null {
  if (shape.kind === 'mask') return null;
  const size = { width, height };
  if (given === kept) return shape;
  const motion = given < kept ? motionBetween(given, kept) : motionBetween(kept, given);
  if (motion === null) return null;
  let moved: PromptShape = shape;
  for (const field of given < kept ? motion : motion.toReversed()) {
    const next: PromptShape = given < kept ? carriedOn(moved, size, field) : carriedBack(moved, size, field);
    // Motion is about the later of two pictures.
    if (!isSameSurface(given < kept ? next : moved, size, field)) return null;
    moved = next;
  }
  return hasExtent(moved) && !hasLeft(shape, moved, size) ? moved : null;
}

/** Whether motion explains what is where a prompt points; where it does not, something has come to light or gone. */
function isSameSurface(shape: PromptShape, { width, height }: PictureSize, motion: MotionField): boolean {
  const { residual, columns, rows, cellSize, lumaWidth, lumaHeight } = motion;
  return pointedAt(shape).every(({ x, y }) => {
    const at = [(x * lumaWidth) / width, (y * lumaHeight) / height] as const;
    return sampleGrid(residual, columns, rows, cellSize, ...at) <= maxResidual;
  });
}

/** Places at which a prompt says that the object is. */
function pointedAt(shape: PromptShape): readonly { readonly x: number; readonly y: number }[] {
  if (shape.kind === 'points' && shape.points.length > 0)
    return shape.points.filter(({ positive }) => positive);
  const box = shape.kind === 'mask' ? undefined : shape.box;
  return box === undefined ? [] : [{ x: box.x + box.width / 2, y: box.y + box.height / 2 }];
}

/** Whether a click has come to the border of the picture, where it is no more what it was. */
function hasLeft(before: PromptShape, after: PromptShape, size: PictureSize): boolean {
  if (before.kind !== 'points' || after.kind !== 'points') return false;
  return after.points.some((point, at) => {
    const origin = before.points[at] ?? point;
    return isAtBorder(point, size) && !isAtBorder(origin, size);
  });
}

function isAtBorder({ x, y }: { readonly x: number; readonly y: number }, size: PictureSize): boolean {
  return x <= 0 || y <= 0 || x >= size.width || y >= size.height;
}
