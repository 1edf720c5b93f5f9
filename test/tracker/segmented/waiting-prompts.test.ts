import { describe, expect, it } from 'vitest';
import type { PromptShape } from '../../../src/prompting/prompt.ts';
import { WaitingPrompts } from '../../../src/tracker/segmented/waiting-prompts.ts';
import { fieldOf, lumaHeight, lumaWidth, shift } from '../propagation/known-motion.ts';

/** Twice the luma plane's size: a luma pixel is two source pixels. */
const size = { index: 0, width: lumaWidth * 2, height: lumaHeight * 2 };

const click = (x: number, y: number, positive = true): PromptShape => ({
  kind: 'points',
  points: [{ x, y, positive }],
});
const box = (x: number, y: number, width: number, height: number): PromptShape => ({
  kind: 'box',
  box: { x, y, width, height },
});

const given = (objectId: number, shape: PromptShape, frameIndex = 0) => ({ objectId, shape, frameIndex });

function waiting(...shapes: readonly PromptShape[]): WaitingPrompts {
  const prompts = new WaitingPrompts();
  for (const [at, shape] of shapes.entries()) prompts.add(given(at + 1, shape), size);
  return prompts;
}

const shapesOf = (prompts: WaitingPrompts) => prompts.take().map(({ shape }) => shape);

describe('WaitingPrompts', () => {
  it('hands prompts out once, in their order, unchanged on their own frame', () => {
    const shapes = [click(10, 20), box(1, 2, 3, 4)];
    const prompts = waiting(...shapes);
    expect(prompts.isEmpty).toBe(false);
    expect(prompts.take()).toEqual(shapes.map((shape, at) => ({ objectId: at + 1, shape, isLate: false })));
    expect(prompts.isEmpty).toBe(true);
    expect(prompts.take()).toEqual([]);
  });

  it('moves clicks and boxes with the picture, frame by frame', () => {
    const mixed: PromptShape = {
      kind: 'points',
      points: [{ x: 60, y: 50, positive: false }],
      box: { x: 40, y: 30, width: 50, height: 40 },
    };
    const prompts = waiting(click(100, 80), box(40, 30, 50, 40), mixed);
    // What is here now was 3 to the left and 1 below: everything goes right and up.
    for (let frame = 0; frame < 4; frame++) prompts.moveTo(size, fieldOf(shift(-3, 1)));
    const late = prompts.take();
    expect(late.map(({ isLate }) => isLate)).toEqual([true, true, true]);
    expect(late.map(({ shape }) => shape)).toEqual([
      click(124, 72),
      box(64, 22, 50, 40),
      {
        kind: 'points',
        points: [{ x: 84, y: 42, positive: false }],
        box: { x: 64, y: 22, width: 50, height: 40 },
      },
    ]);
  });

  it('follows the motion at the place itself', () => {
    const prompts = waiting(click(40, 96), click(280, 96));
    const halves = fieldOf((x) => (x < lumaWidth / 2 ? [-2, 0] : [0, 4]));
    for (let frame = 0; frame < 5; frame++) prompts.moveTo(size, halves);
    expect(shapesOf(prompts)).toEqual([click(60, 96), click(280, 56)]);
  });

  it('moves a box with most of what is in it', () => {
    const prompts = waiting(box(100, 60, 80, 80));
    const strip = fieldOf((x, y) => (y < 36 || x > 88 ? [0, 0] : [-2, -1]));
    prompts.moveTo(size, strip);
    expect(shapesOf(prompts)).toEqual([box(104, 62, 80, 80)]);
  });

  it('keeps clicks inside the picture and drops boxes that have left it', () => {
    const prompts = waiting(click(300, 10), box(280, 20, 30, 30), box(240, 20, 60, 30));
    const dropped = prompts.moveTo(size, fieldOf(shift(-25, 0)));
    expect(dropped).toEqual([2]);
    expect(shapesOf(prompts)).toEqual([click(320, 10), box(290, 20, 30, 30)]);
  });

  it('keeps places in the picture where its size changes, and where motion is not known', () => {
    const prompts = waiting(click(100, 80), box(40, 30, 50, 40));
    prompts.moveTo({ width: size.width / 2, height: size.height * 2 }, null);
    prompts.moveTo({ width: size.width / 2, height: size.height * 2 }, null);
    expect(shapesOf(prompts)).toEqual([click(50, 160), box(20, 60, 25, 80)]);
  });

  it('drops the oldest when too many wait', () => {
    const prompts = waiting(...Array.from({ length: 64 }, (_, at) => click(at, 10)));
    expect(prompts.add(given(65, click(7, 7)), size)).toEqual([1]);
    expect(prompts.take().map(({ objectId }) => objectId)).toEqual(
      Array.from({ length: 64 }, (_, at) => at + 2),
    );
  });

  it('leaves masks as they are, but says that they are late', () => {
    const shape: PromptShape = { kind: 'mask', mask: { size: [192, 320], counts: '0' } };
    const prompts = waiting(shape);
    prompts.moveTo(size, fieldOf(shift(-5, 0)));
    expect(prompts.take()).toEqual([{ objectId: 1, shape, isLate: true }]);
  });

  it('gives prompts of a look that failed to the next one before all others, and to no third', () => {
    const prompts = waiting(click(100, 80), click(60, 50));
    prompts.take();
    prompts.moveTo(size, fieldOf(shift(-3, 1)));
    prompts.add(given(3, click(7, 7)), size);
    expect(prompts.failed()).toEqual([]);
    expect(prompts.take()).toEqual([
      { objectId: 1, shape: click(106, 78), isLate: true },
      { objectId: 2, shape: click(66, 48), isLate: true },
      { objectId: 3, shape: click(7, 7), isLate: false },
    ]);
    // The third has failed once only.
    expect(prompts.failed()).toEqual([1, 2]);
    expect(prompts.take().map(({ objectId }) => objectId)).toEqual([3]);
    expect(prompts.failed()).toEqual([3]);
    expect(prompts.isEmpty).toBe(true);
  });

  it('does not count an object as given up that another prompt is about', () => {
    const prompts = waiting(click(100, 80));
    prompts.take();
    prompts.failed();
    prompts.take();
    prompts.add(given(1, click(90, 80)), size);
    expect(prompts.failed()).toEqual([]);
    expect(shapesOf(prompts)).toEqual([click(90, 80)]);
  });

  it('gives nothing again of a look that succeeded', () => {
    const prompts = waiting(click(100, 80));
    prompts.take();
    prompts.succeeded();
    expect(prompts.failed()).toEqual([]);
    expect(prompts.isEmpty).toBe(true);
  });

  it('gives up what waits and what a look has when it is cleared', () => {
    const prompts = waiting(click(100, 80));
    prompts.take();
    prompts.add(given(2, click(7, 7)), size);
    expect(prompts.clear()).toEqual([1, 2]);
    expect(prompts.failed()).toEqual([]);
    expect(prompts.isEmpty).toBe(true);
  });
});
