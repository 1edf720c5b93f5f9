import { describe, expect, it } from 'vitest';
import { median, percentile, slope, withBaseline } from '../../bench/figure.ts';
import { describeFigures, type Results } from '../../bench/results.ts';

describe('percentile', () => {
  it('is the smallest value that so many percent of all do not exceed', () => {
    const values = [40, 10, 30, 20];
    expect([0, 25, 26, 50, 75, 99, 100].map((percent) => percentile(values, percent))).toEqual([
      10, 10, 20, 20, 30, 40, 40,
    ]);
    expect(median([3, 1, 2])).toBe(2);
    expect(values).toEqual([40, 10, 30, 20]);
  });

  it('of nothing is no number', () => {
    expect(median([])).toBeNaN();
  });
});

describe('slope', () => {
  it('is the growth along the line of least squares', () => {
    const line = [1, 2, 3, 4].map((x) => ({ x, y: 5 - 3 * x }));
    expect(slope(line)).toBeCloseTo(-3, 12);
    expect(slope([...line, { x: 2.5, y: 1000 }])).toBeCloseTo(-3, 12);
  });

  it('of a single place is none', () => {
    expect(slope([{ x: 1, y: 7 }])).toBe(0);
  });
});

describe('describeFigures', () => {
  const figure = (name: string, value: number, better: 'less' | 'more') => ({
    name,
    value,
    unit: 'ms',
    better,
  });
  const run = (...figures: ReturnType<typeof figure>[]) =>
    ({ circumstances: {}, figures }) as unknown as Results;

  it('compares each figure with the newest earlier one of its name, by what is better for it', () => {
    const earlier = [run(figure('a', 1, 'less'), figure('b', 10, 'more')), run(figure('a', 10, 'less'))];
    const now = [figure('a', 20, 'less'), figure('b', 20, 'more'), figure('c', 5, 'less')];
    const [, , a, b, c] = describeFigures(now, earlier).split('\n');
    expect(a).toMatch(/^a +20\.0 +ms +10\.0 +x2\.00 WORSE/);
    expect(b).toMatch(/^b +20\.0 +ms +10\.0 +x2\.00 better/);
    expect(c).toMatch(/^c +5\.00 +ms$/);
  });

  it('makes nothing of small changes', () => {
    expect(describeFigures([figure('a', 1.05, 'less')], [run(figure('a', 1, 'less'))])).toMatch(/x1\.05$/m);
  });
});

describe('withBaseline', () => {
  it('notes what another program took for rows of the same name, and leaves the others', () => {
    const figure = { value: 200, unit: 'ms', better: 'less' } as const;
    const figures = [
      { ...figure, name: 'encoder' },
      { ...figure, name: 'step', note: '20 ms per object' },
      { ...figure, name: 'other' },
    ];
    expect(withBaseline(figures, { encoder: 300, step: 100 })).toEqual([
      { ...figures[0], note: 'baseline 300.0, 1.50 x' },
      { ...figures[1], note: '20 ms per object; baseline 100.0, 0.50 x' },
      figures[2],
    ]);
  });
});
