import { describe, expect, it } from 'vitest';
import { AutoGrid } from '../../src/prompting/auto-grid.ts';
import { noStrategy } from '../../src/prompting/prompt-strategy.ts';

function points(aspectRatio: number, isCovered: (x: number, y: number) => boolean = () => false, round = 0) {
  const flat = new AutoGrid().propose({ aspectRatio, isCovered }, round);
  return Array.from({ length: flat.length / 2 }, (_, at) => ({
    x: flat[at * 2] as number,
    y: flat[at * 2 + 1] as number,
  }));
}

/** Distance of the nearest two, in picture heights. */
function closest(some: readonly { x: number; y: number }[], aspectRatio: number): number {
  const distances = some.flatMap((a, at) =>
    some.slice(at + 1).map((b) => Math.hypot((a.x - b.x) * aspectRatio, a.y - b.y)),
  );
  return Math.min(...distances);
}

describe('AutoGrid', () => {
  it.each([16 / 9, 4 / 3, 1, 9 / 16, 5, 0.1])('covers a picture of aspect %f evenly, inside it', (aspect) => {
    const all = points(aspect);
    expect(new Set(all.map(({ x, y }) => `${x} ${y}`)).size).toBe(all.length);
    expect(all.every(({ x, y }) => x > 0 && x < 1 && y > 0 && y < 1)).toBe(true);
    // Every quarter of the picture has its share.
    for (const right of [false, true]) {
      for (const below of [false, true]) {
        const share = all.filter(({ x, y }) => x > 0.5 === right && y > 0.5 === below).length / all.length;
        expect(share).toBeGreaterThan(0.1);
        expect(share).toBeLessThan(0.4);
      }
    }
  });

  it('has nearly square spacing', () => {
    const all = points(16 / 9);
    const columns = new Set(all.map(({ x }) => x)).size;
    const rows = new Set(all.map(({ y }) => y)).size;
    expect(columns / rows / (16 / 9)).toBeGreaterThan(0.8);
    expect(columns / rows / (16 / 9)).toBeLessThan(1.25);
  });

  it('proposes nothing where a track is', () => {
    const left = points(1.5, (x) => x > 0.5);
    expect(left.length).toBeGreaterThan(5);
    expect(left.every(({ x }) => x <= 0.5)).toBe(true);
    expect(points(1.5, () => true)).toEqual([]);
  });

  it('looks between the points of the rounds before, inside the picture', () => {
    const rounds = [0, 1, 2, 3].map((round) => points(16 / 9, undefined, round));
    const all = rounds.flat();
    expect(new Set(all.map(({ x, y }) => `${x.toFixed(6)} ${y.toFixed(6)}`)).size).toBe(all.length);
    expect(all.every(({ x, y }) => x > 0 && x < 1 && y > 0 && y < 1)).toBe(true);
    expect(points(16 / 9, undefined, 4)).toEqual(rounds[0]);
  });

  it('begins with points that are far apart', () => {
    const all = points(16 / 9);
    expect(closest(all.slice(0, 4), 16 / 9)).toBeGreaterThan(1.9 * closest(all, 16 / 9));
  });
});

describe('noStrategy', () => {
  it('proposes nothing', () => {
    expect(noStrategy.propose({ aspectRatio: 1, isCovered: () => false }, 0)).toHaveLength(0);
  });
});
