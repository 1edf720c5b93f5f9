import type { FrameInfo } from '../../buffer/frame.ts';
import type { Box } from '../../mask/box.ts';
import type { PromptPoint, PromptShape } from '../../prompting/prompt.ts';
import { type MotionField, sampleGrid } from '../propagation/motion-field.ts';

/** Source pixels. */
export type PictureSize = Pick<FrameInfo, 'width' | 'height'>;

/** A displacement, source pixels. */
interface Shift {
  readonly dx: number;
  readonly dy: number;
}

/** Where the picture's content at a place goes. */
type ShiftAt = (x: number, y: number) => Shift;

/** Places inside a box, along each side, at which its motion is measured. */
const samplesPerSide = 5;

/** The prompt in a picture of another size. */
export function rescaled(shape: PromptShape, from: PictureSize, to: PictureSize): PromptShape {
  const [x, y] = [to.width / from.width, to.height / from.height];
  return mapped(
    shape,
    (point) => ({ ...point, x: point.x * x, y: point.y * y }),
    (box) => ({ x: box.x * x, y: box.y * y, width: box.width * x, height: box.height * y }),
  );
}

/** Clicks and boxes as they lie one picture later, cut to the picture; masks stay as they are. */
export function carriedOn(shape: PromptShape, size: PictureSize, motion: MotionField): PromptShape {
  return moved(shape, size, (x, y) => forwardShift(motion, size, x, y));
}

/** Clicks and boxes as they lay one picture earlier, cut to the picture; masks stay as they are. */
export function carriedBack(shape: PromptShape, size: PictureSize, motion: MotionField): PromptShape {
  return moved(shape, size, (x, y) => backwardShift(motion, size, x, y));
}

/** Whether something is left of the prompt's box, if it has one. */
export function hasExtent(shape: PromptShape): boolean {
  const box = shape.kind === 'mask' ? undefined : shape.box;
  return box === undefined || (box.width > 0 && box.height > 0);
}

function moved(shape: PromptShape, size: PictureSize, shiftAt: ShiftAt): PromptShape {
  return mapped(
    shape,
    (point) => {
      const { dx, dy } = shiftAt(point.x, point.y);
      return { ...point, x: clamp(point.x + dx, size.width), y: clamp(point.y + dy, size.height) };
    },
    (box) => shifted(box, size, shiftAt),
  );
}

function mapped(
  shape: PromptShape,
  ofPoint: (point: PromptPoint) => PromptPoint,
  ofBox: (box: Box) => Box,
): PromptShape {
  switch (shape.kind) {
    case 'mask':
      return shape;
    case 'box':
      return { ...shape, box: ofBox(shape.box) };
    case 'points': {
      const points = shape.points.map(ofPoint);
      return { ...shape, points, ...(shape.box === undefined ? {} : { box: ofBox(shape.box) }) };
    }
  }
}

/** The box with the median motion of what is in it. */
function shifted(box: Box, size: PictureSize, shiftAt: ShiftAt): Box {
  const xs: number[] = [];
  const ys: number[] = [];
  for (let row = 0; row < samplesPerSide; row++) {
    for (let column = 0; column < samplesPerSide; column++) {
      const x = box.x + ((column + 0.5) / samplesPerSide) * box.width;
      const y = box.y + ((row + 0.5) / samplesPerSide) * box.height;
      const { dx, dy } = shiftAt(x, y);
      xs.push(dx);
      ys.push(dy);
    }
  }
  const left = clamp(box.x + median(xs), size.width);
  const top = clamp(box.y + median(ys), size.height);
  const right = clamp(box.x + box.width + median(xs), size.width);
  const bottom = clamp(box.y + box.height + median(ys), size.height);
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/** Where a place of the picture before went: motion points back, so it is looked up at its own end. */
function forwardShift(motion: MotionField, { width, height }: PictureSize, x: number, y: number): Shift {
  const { dx, dy, columns, rows, cellSize, lumaWidth, lumaHeight } = motion;
  const fromX = (x * lumaWidth) / width;
  const fromY = (y * lumaHeight) / height;
  let [toX, toY] = [fromX, fromY];
  for (let step = 0; step < 3; step++) {
    const backX = sampleGrid(dx, columns, rows, cellSize, toX, toY);
    const backY = sampleGrid(dy, columns, rows, cellSize, toX, toY);
    [toX, toY] = [fromX - backX, fromY - backY];
  }
  return { dx: ((toX - fromX) * width) / lumaWidth, dy: ((toY - fromY) * height) / lumaHeight };
}

/** Where what is at a place of this picture came from. */
function backwardShift(motion: MotionField, { width, height }: PictureSize, x: number, y: number): Shift {
  const { dx, dy, columns, rows, cellSize, lumaWidth, lumaHeight } = motion;
  const atX = (x * lumaWidth) / width;
  const atY = (y * lumaHeight) / height;
  return {
    dx: (sampleGrid(dx, columns, rows, cellSize, atX, atY) * width) / lumaWidth,
    dy: (sampleGrid(dy, columns, rows, cellSize, atX, atY) * height) / lumaHeight,
  };
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}

function clamp(value: number, limit: number): number {
  return Math.min(Math.max(value, 0), limit);
}
