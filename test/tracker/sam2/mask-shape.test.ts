import { describe, expect, it } from 'vitest';
import { boxIou, enclosingBox, largestPart, maskShape } from '../../../src/tracker/sam2/mask-shape.ts';
import { maskSide, rectangles } from './policy-fixture.ts';

describe('the shape of a mask', () => {
  it('is its box and area', () => {
    expect(maskShape(rectangles([3, 5, 4, 2], [10, 20, 1, 1]), maskSide)).toEqual({
      box: { x: 3, y: 5, width: 8, height: 16 },
      area: 9,
    });
    expect(maskShape(new Float32Array(maskSide ** 2), maskSide)).toBeNull();
  });

  it('of its largest part leaves the others out; parts touch at corners', () => {
    const mask = rectangles([3, 5, 4, 2], [7, 7, 2, 2], [20, 20, 3, 3], [31, 31, 1, 1]);
    expect(largestPart(mask, maskSide)).toEqual({ box: { x: 3, y: 5, width: 6, height: 4 }, area: 12 });
    expect(largestPart(new Float32Array(maskSide ** 2).fill(-1), maskSide)).toBeNull();
    expect(largestPart(new Float32Array(maskSide ** 2).fill(1), maskSide)?.area).toBe(maskSide ** 2);
  });
});

describe('boxes', () => {
  const box = { x: 0, y: 0, width: 4, height: 4 };

  it.each([
    ['the same', box, 1],
    ['shifted by half', { ...box, x: 2 }, 1 / 3],
    ['beside it', { ...box, x: 4 }, 0],
    ['inside it', { x: 1, y: 1, width: 2, height: 2 }, 1 / 4],
    ['of no size', { x: 1, y: 1, width: 0, height: 0 }, 0],
  ])('overlap one that is %s', (_, other, iou) => {
    expect(boxIou(box, other)).toBeCloseTo(iou);
    expect(boxIou(other, box)).toBeCloseTo(iou);
  });

  it('are enclosed by one', () => {
    expect(enclosingBox(box, { x: 6, y: -2, width: 1, height: 3 })).toEqual({
      x: 0,
      y: -2,
      width: 7,
      height: 6,
    });
  });
});
