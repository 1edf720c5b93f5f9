import { describe, expect, it } from 'vitest';
import { recentMemoryPolicy } from '../../../src/tracker/sam2/recent-memory-policy.ts';
import { absence, openPolicy, outcomeOf, rectangles } from './policy-fixture.ts';

const seen = outcomeOf(rectangles([4, 4, 8, 8]));

describe('the published memory', () => {
  it('is the last six frames, whatever they show, and no more is held', () => {
    const { keep, recall, released, held } = openPolicy(recentMemoryPolicy);
    for (let time = 1; time <= 9; time++) keep(time, time % 2 === 0 ? absence : seen);
    expect(recall(10)).toEqual([
      [4, 5],
      [5, 4],
      [6, 3],
      [7, 2],
      [8, 1],
      [9, 0],
    ]);
    expect(released).toEqual([1, 2, 3]);
    expect(held()).toEqual([4, 5, 6, 7, 8, 9]);
  });

  it('keeps rows by distance where frames are missing', () => {
    const { keep, recall } = openPolicy(recentMemoryPolicy);
    for (const time of [1, 3, 4]) keep(time, seen);
    expect(recall(6)).toEqual([
      [1, 4],
      [3, 2],
      [4, 1],
    ]);
    expect(recall(11)).toEqual([]);
  });

  it('takes unselected conditioning frames for others, but not in place of them', () => {
    const { object, keep } = openPolicy(recentMemoryPolicy);
    keep(2, seen);
    const unselected = [2, 3].map((time) => ({ frame: time, time, memory: Float32Array.of(-time) }));
    const recalled = object.recall(4, unselected);
    expect(recalled.map(({ stored, row }) => [stored.memory[0], row])).toEqual([
      [2, 1],
      [-3, 0],
    ]);
  });
});
