import type { Frame } from '../../buffer/frame.ts';
import type { PromptShape } from '../../prompting/prompt.ts';
import type { MotionField } from '../propagation/motion-field.ts';
import { carriedBack, carriedOn, hasExtent, type PictureSize } from './shape-motion.ts';
import type { GivenPrompt } from './waiting-prompts.ts';

/** The frame of a stream's last look, as long as the segmenter keeps what its encoder made of it. */
export interface KeptFrame extends Pick<Frame, 'pixelSize' | 'timestampNs' | 'width' | 'height'> {
  readonly frameIndex: number;
}

/** How long ago a frame may be for prompts still to be decoded on it, nanoseconds. */
const maxAgeNs = 2_000_000_000n;

/** Whether prompts of the present may still be decoded on a kept frame. */
export function isFresh({ timestampNs }: KeptFrame, presentNs: bigint): boolean {
  const age = presentNs - timestampNs;
  return age >= 0n && age <= maxAgeNs;
}

/**
 * A prompt as it would have been given on the kept frame, earlier or later than its own; null where it cannot be
 * told: the motion is not known, the place was out of the picture, or the prompt is a mask, which its object shows.
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
  if (given < kept) for (const field of motion) moved = carriedOn(moved, size, field);
  else for (const field of motion.toReversed()) moved = carriedBack(moved, size, field);
  return hasExtent(moved) && !hasLeft(shape, moved, size) ? moved : null;
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
