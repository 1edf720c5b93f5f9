import { describe, expect, it } from 'vitest';
import { toHalf } from '../../../src/model/graph/half-float.ts';
import { prunedMemoryPolicy } from '../../../src/tracker/sam2/pruned-memory-policy.ts';
import { openPolicy, outcomeOf, rectangles } from './policy-fixture.ts';

const seen = outcomeOf(rectangles([4, 4, 8, 8]));

/** A direction in the plane; lengths must not matter. */
const towards = (degrees: number, length = 1) =>
  Float32Array.of(length * Math.cos((degrees * Math.PI) / 180), length * Math.sin((degrees * Math.PI) / 180));

describe.each([
  ['float32', (values: Float32Array) => values],
  ['float16', (values: Float32Array) => toHalf(values)],
])('pruned memory of %s', (_, stored) => {
  it('lets go of the two that are most like the newest one when it is full', () => {
    const { keep, recall, released, held } = openPolicy(prunedMemoryPolicy);
    const angles = [0, 170, 45, 90, 10, 135];
    for (const [time, degrees] of angles.entries()) keep(time, seen, stored(towards(degrees, time + 1)));
    expect(released).toEqual([]);
    keep(6, seen, stored(towards(40)));
    expect(released.toSorted()).toEqual([2, 4]);
    expect(recall(7)).toEqual([
      [0, 4],
      [1, 3],
      [3, 2],
      [5, 1],
      [6, 0],
    ]);
    expect(held()).toEqual([0, 1, 3, 5, 6]);
  });

  it('never holds more than six, and keeps what is unlike the rest for good', () => {
    const { object, keep, recall } = openPolicy(prunedMemoryPolicy);
    keep(0, seen, stored(towards(180)));
    for (let time = 1; time < 200; time++) {
      keep(time, seen, stored(towards(time % 30)));
      expect(object.size).toBeLessThanOrEqual(6);
    }
    expect(recall(200)[0]?.[0]).toBe(0);
  });
});
