import { describe, expect, it } from 'vitest';
import type { MaskLogits } from '../../../src/mask/mask-logits.ts';
import { cellCoverage } from '../../../src/tracker/propagation/cell-coverage.ts';
import { MotionEstimator } from '../../../src/tracker/propagation/motion-estimator.ts';
import { createMotionField } from '../../../src/tracker/propagation/motion-field.ts';
import { PropagatedMask } from '../../../src/tracker/propagation/propagated-mask.ts';
import {
  disc,
  fieldOf,
  lumaHeight,
  lumaWidth,
  type Motion,
  maskGrid,
  picture,
  shift,
} from './known-motion.ts';

const cells = createMotionField(lumaWidth, lumaHeight);

function rendered(mask: PropagatedMask): Float32Array {
  const out = new Float32Array(maskGrid.width * maskGrid.height);
  mask.render(out);
  return out;
}

function iou(a: Float32Array, b: Float32Array): number {
  let both = 0;
  let either = 0;
  a.forEach((value, at) => {
    const inB = (b[at] as number) > 0;
    if (value > 0 && inB) both++;
    if (value > 0 || inB) either++;
  });
  return either === 0 ? 0 : both / either;
}

function carried(anchor: MaskLogits, motions: readonly Motion[]): PropagatedMask {
  const mask = new PropagatedMask(anchor, cells);
  for (const motion of motions) mask.step(fieldOf(motion));
  return mask;
}

describe('PropagatedMask', () => {
  it('gives back its anchor bit by bit before it has moved', () => {
    const anchor = disc(60, 50, 20);
    expect(rendered(new PropagatedMask(anchor, cells))).toEqual(anchor.data);
  });

  it('is not changed by pictures that stand still', () => {
    const anchor = disc(60, 50, 20);
    const mask = carried(anchor, Array(20).fill(shift(0, 0)));
    expect(iou(rendered(mask), anchor.data)).toBe(1);
    // Bit by bit: no logit near the border has changed, so no pixel can.
    rendered(mask).forEach((value, at) => {
      const before = anchor.data[at] as number;
      if (Math.abs(before) < 4) expect(value).toBeCloseTo(before, 4);
    });
    expect(mask.support).toBeCloseTo(1, 5);
    expect(mask.steps).toBe(20);
  });

  it('does not blur, however far it is carried', () => {
    // Backward motion: the object goes right and down by fractions of a pixel.
    const anchor = disc(40, 30, 18);
    const mask = carried(anchor, Array(30).fill(shift(-2.3, -0.9)));
    expect(iou(rendered(mask), disc(40 + 69, 30 + 27, 18).data)).toBeGreaterThan(0.95);
    const there = carried(anchor, [...Array(30).fill(shift(-2.3, -0.9)), ...Array(30).fill(shift(2.3, 0.9))]);
    expect(iou(rendered(there), anchor.data)).toBeGreaterThan(0.95);
  });

  it('grows with its object', () => {
    const growth = 1.015;
    const grow: Motion = (x, y) => [-(x - 80) * (1 - 1 / growth), -(y - 48) * (1 - 1 / growth)];
    const grown = disc(80, 48, 28 * growth ** 10);
    const mask = carried(disc(80, 48, 28), Array(10).fill(grow));
    expect(iou(rendered(mask), grown.data)).toBeGreaterThan(0.87);
    expect(iou(disc(80, 48, 28).data, grown.data)).toBeLessThan(0.77);
  });

  it.each([
    { object: 3, background: 0 },
    { object: 3, background: -2 },
    { object: 0, background: 4 },
  ])('is not dragged by a background that moves by $background while it moves by $object', (speed) => {
    const estimator = new MotionEstimator();
    const mask = new PropagatedMask(disc(50, 48, 28), cells);
    for (let index = 0; index <= 10; index++) {
      const centre = 50 + speed.object * index;
      const frame = picture((x, y) =>
        Math.hypot(x - centre, y - 48) < 28
          ? [x - speed.object * index + 500, y]
          : [x - speed.background * index, y],
      );
      const field = createMotionField(lumaWidth, lumaHeight);
      if (estimator.estimate(frame, field)) mask.step(field);
    }
    const truth = disc(50 + speed.object * 10, 48, 28).data;
    const dragged = disc(50 + speed.background * 10, 48, 28).data;
    expect(iou(rendered(mask), truth)).toBeGreaterThan(0.8);
    expect(iou(rendered(mask), truth)).toBeGreaterThan(iou(rendered(mask), dragged) + 0.1);
  });

  it('leaves the picture with its object and does not come back', () => {
    const mask = carried(disc(130, 48, 14), Array(12).fill(shift(-5, 0)));
    expect(mask.isVisible).toBe(false);
    expect(rendered(mask).some((value) => value > 0)).toBe(false);
    mask.step(fieldOf(shift(5, 0)));
    expect(mask.isVisible).toBe(false);
  });

  it('loses support where pictures do not fit, faster the worse they fit', () => {
    const lose = (residual: number) => {
      const mask = new PropagatedMask(disc(60, 48, 20), cells);
      const supports: number[] = [];
      for (let step = 0; step < 8; step++) {
        const field = fieldOf(shift(0, 0));
        field.residual.fill(residual);
        mask.step(field);
        supports.push(mask.support);
      }
      return supports;
    };
    const bad = lose(40);
    expect(bad).toEqual([...bad].sort((a, b) => b - a));
    expect(bad.at(-1)).toBeLessThan(0.3);
    expect(lose(6).at(-1)).toBeGreaterThan(bad.at(-1) ?? 1);
    expect(lose(0).at(-1)).toBeCloseTo(1, 5);
  });

  it('goes on by its last motion where no vector can be trusted', () => {
    const mask = carried(disc(40, 48, 14), Array(4).fill(shift(-3, 0)));
    const blind = fieldOf(shift(0, 0));
    blind.weight.fill(0);
    for (let step = 0; step < 4; step++) mask.step(blind);
    expect(iou(rendered(mask), disc(40 + 24, 48, 14).data)).toBeGreaterThan(0.85);
  });

  it('says where it is on the cells', () => {
    const mask = carried(disc(60, 48, 20), [shift(-16, 0)]);
    const { left = 0, right = 0, top = 0, bottom = 0 } = mask.occupied ?? {};
    // The disc now spans 56 to 96 by 28 to 68 luma pixels; cells are 8 wide.
    expect({ left, right, top, bottom }).toEqual({ left: 7, right: 11, top: 3, bottom: 8 });
    const area = mask.coverage.reduce((sum, share) => sum + share, 0) * 64;
    expect(area / (Math.PI * 400)).toBeCloseTo(1, 1);
  });
});

describe('cellCoverage', () => {
  it('is the share of each cell that is inside', () => {
    const data = new Float32Array(maskGrid.width * maskGrid.height).fill(-1);
    // Logits are 2 luma pixels wide, so four of them make a cell.
    for (let y = 0; y < 4; y++) data.fill(1, y * maskGrid.width + 4, y * maskGrid.width + 10);
    const coverage = cellCoverage({ ...maskGrid, data }, cells);
    expect([...coverage.subarray(0, 4)]).toEqual([0, 1, 0.5, 0]);
    expect(coverage.reduce((sum, share) => sum + share, 0)).toBe(1.5);
  });

  it('is nothing for an empty mask', () => {
    const data = new Float32Array(maskGrid.width * maskGrid.height).fill(-1);
    const mask = new PropagatedMask({ ...maskGrid, data }, cells);
    expect(mask.isVisible).toBe(false);
    mask.step(fieldOf(shift(1, 1)));
    expect(rendered(mask).some((value) => value > 0)).toBe(false);
  });
});
