import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { closestConditioningFrames } from '../../../src/tracker/sam2/closest-conditioning-frames.ts';
import { goldenPath, hasGoldens } from '../../model/sam2/golden.ts';

interface Row {
  readonly cond: readonly number[];
  readonly max: number;
  readonly frame: number;
  readonly selected: readonly number[];
  readonly unselected: readonly number[];
}

function choose(now: number, times: readonly number[], limit: number) {
  const { selected, unselected } = closestConditioningFrames(
    now,
    times.map((time) => ({ time })),
    limit,
  );
  return { selected: selected.map(({ time }) => time), unselected: unselected.map(({ time }) => time) };
}

describe.skipIf(!hasGoldens)('the choice of conditioning frames', () => {
  it('is the published one, in the published order', () => {
    const { rows } = JSON.parse(readFileSync(goldenPath('select_cond_frames.json'), 'utf8')) as {
      rows: Row[];
    };
    expect(rows.length).toBeGreaterThan(100);
    for (const { cond, max, frame, selected, unselected } of rows) {
      const limit = max < 0 ? Number.POSITIVE_INFINITY : max;
      expect(choose(frame, cond, limit), `${cond} at ${frame} of ${max}`).toEqual({ selected, unselected });
    }
  });
});

describe('the choice of conditioning frames among many', () => {
  const frames = fc.uniqueArray(fc.nat(40), { minLength: 1, maxLength: 10 });

  it('fills the limit, and keeps every frame on one side', () => {
    fc.assert(
      fc.property(fc.nat(50), frames, fc.integer({ min: 2, max: 8 }), (now, times, limit) => {
        const { selected, unselected } = choose(now, times, limit);
        expect(selected.length).toBe(Math.min(limit, times.length));
        expect(new Set([...selected, ...unselected])).toEqual(new Set(times));
        expect(selected.length + unselected.length).toBe(times.length);
      }),
    );
  });

  it('never returns to a past frame that it has left out', () => {
    fc.assert(
      fc.property(frames, fc.integer({ min: 2, max: 4 }), (times, limit) => {
        const leftOut = new Set<number>();
        for (let now = 0; now < 60; now++) {
          const { selected, unselected } = choose(now, times, limit);
          for (const time of selected) expect(leftOut.has(time)).toBe(false);
          for (const time of unselected) if (time < now) leftOut.add(time);
        }
      }),
    );
  });
});
