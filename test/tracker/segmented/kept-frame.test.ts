import { describe, expect, it } from 'vitest';
import type { PromptShape } from '../../../src/prompting/prompt.ts';
import type { MotionField } from '../../../src/tracker/propagation/motion-field.ts';
import { isFresh, shapeOnKept } from '../../../src/tracker/segmented/kept-frame.ts';
import { fieldOf, lumaHeight, lumaWidth, shift } from '../propagation/known-motion.ts';

const [width, height] = [lumaWidth * 2, lumaHeight * 2];
const pixelSize = { width, height, contentWidth: width, contentHeight: height };
const keptAt = (frameIndex: number, milliseconds = 0) => ({
  frameIndex,
  timestampNs: BigInt(milliseconds) * 1_000_000n,
  pixelSize,
  width,
  height,
  lookNs: 0n,
});
const click = (x: number, y: number): PromptShape => ({ kind: 'points', points: [{ x, y, positive: true }] });
/** The picture goes 3 luma pixels, 6 source pixels, to the right each frame. */
const right = (from: number, to: number): readonly MotionField[] =>
  Array.from({ length: to - from }, () => fieldOf(shift(-3, 0)));

describe('shapeOnKept', () => {
  it('takes a prompt back to an earlier frame and on to a later one', () => {
    const given = (shape: PromptShape) => ({ objectId: 1, shape, frameIndex: 10 });
    expect(shapeOnKept(given(click(100, 80)), keptAt(10), right)).toEqual(click(100, 80));
    expect(shapeOnKept(given(click(100, 80)), keptAt(6), right)).toEqual(click(76, 80));
    expect(shapeOnKept(given(click(100, 80)), keptAt(12), right)).toEqual(click(112, 80));
    const box: PromptShape = { kind: 'box', box: { x: 60, y: 30, width: 50, height: 40 } };
    expect(shapeOnKept(given(box), keptAt(6), right)).toEqual({
      kind: 'box',
      box: { x: 36, y: 30, width: 50, height: 40 },
    });
  });

  it('comes back to where it began, there and back', () => {
    const bend = (from: number, to: number) =>
      Array.from({ length: to - from }, () => fieldOf((x, y) => [x / 60, -y / 50]));
    const there = shapeOnKept({ objectId: 1, shape: click(140, 100), frameIndex: 0 }, keptAt(8), bend);
    const back = shapeOnKept({ objectId: 1, shape: there ?? click(0, 0), frameIndex: 8 }, keptAt(0), bend);
    const { x, y } = (back?.kind === 'points' && back.points[0]) || { x: 0, y: 0 };
    expect(Math.hypot(x - 140, y - 100)).toBeLessThan(1);
  });

  it.each<[string, PromptShape, (from: number, to: number) => readonly MotionField[] | null]>([
    ['the motion is not known', click(100, 80), () => null],
    ['its place was not in the picture', click(20, 80), () => right(2, 10)],
    [
      'something else came to light',
      click(100, 80),
      (from: number, to: number) =>
        right(from, to).map((field, at) =>
          at === 3 ? { ...field, residual: field.residual.map(() => 40) } : field,
        ),
    ],
    ['it is a mask', { kind: 'mask', mask: { size: [2, 2], counts: '13' } }, () => right(2, 10)],
    [
      'its box was not in the picture',
      { kind: 'box', box: { x: 2, y: 2, width: 20, height: 20 } },
      () => right(2, 10),
    ],
  ])('has no place where %s', (_name, shape, motion) => {
    expect(shapeOnKept({ objectId: 1, shape, frameIndex: 10 }, keptAt(2), motion)).toBeNull();
  });
});

describe('isFresh', () => {
  it('is so for two seconds of the capture clock, unless that was set back', () => {
    const ages = [-1, 0, 1999, 2000, 2001];
    const kept = keptAt(0, 5000);
    expect(ages.map((age) => isFresh(kept, BigInt(5000 + age) * 1_000_000n))).toEqual([
      false,
      true,
      true,
      true,
      false,
    ]);
  });

  it('is so longer where looks are slow, whose results would be as old', () => {
    const kept = { ...keptAt(0), lookNs: 4_000_000_000n };
    expect([4500, 5000, 5001].map((age) => isFresh(kept, BigInt(age) * 1_000_000n))).toEqual([
      true,
      true,
      false,
    ]);
  });
});
