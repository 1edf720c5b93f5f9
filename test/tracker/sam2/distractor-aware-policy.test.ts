import { describe, expect, it } from 'vitest';
import { distractorAwarePolicy } from '../../../src/tracker/sam2/distractor-aware-policy.ts';
import type { FrameOutcome } from '../../../src/tracker/sam2/memory-policy.ts';
import { absence, candidatesOf, openPolicy, outcomeOf, rectangles } from './policy-fixture.ts';

const mask = rectangles([4, 4, 8, 8]);
const seen = outcomeOf(mask, { candidates: candidatesOf(mask, mask, mask) });

/** The second candidate takes in another object too. */
function withDistractor(changes: Partial<FrameOutcome> = {}): FrameOutcome {
  const both = rectangles([22, 22, 9, 9]);
  return outcomeOf(mask, { candidates: candidatesOf(mask, both, mask), ...changes });
}

describe('distractor-aware memory', () => {
  it('keeps the newest appearance and two older ones at intervals', () => {
    const { keep, recall, released, held } = openPolicy(distractorAwarePolicy);
    for (let time = 0; time < 18; time++) keep(time, seen);
    expect(recall(18)).toEqual([
      [10, 2],
      [15, 1],
      [17, 0],
    ]);
    expect(held()).toEqual([10, 15, 17]);
    expect(new Set(released).size).toBe(15);
  });

  it('remembers nothing of an absence', () => {
    const { keep, recall, released } = openPolicy(distractorAwarePolicy);
    keep(0, seen);
    for (let time = 1; time < 50; time++) keep(time, absence);
    expect(recall(50)).toEqual([[0, 0]]);
    expect(released).toHaveLength(49);
  });

  it('keeps frames with a distractor apart, without time, the newest three at intervals', () => {
    const { object, keep, recall, held } = openPolicy(distractorAwarePolicy);
    object.restart?.(-1, outcomeOf(mask, { provenance: 'conditioned' }));
    for (let time = 0; time < 22; time++) keep(time, withDistractor());
    expect(recall(22)).toEqual([
      [10, 6],
      [15, 6],
      [20, 6],
      [15, 2],
      [20, 1],
      [21, 0],
    ]);
    expect(held()).toEqual([10, 15, 20, 21]);
    expect(object.size).toBe(4);
    object.clear();
    expect(held()).toEqual([]);
  });

  it.each([
    ['the mask is in doubt', withDistractor({ ious: Float32Array.of(0, 0.75, 0.7, 0.7) })],
    ['the mask is of another size', { ...withDistractor(), lowResMask: rectangles([4, 4, 8, 14]) }],
    ['the alternatives agree', seen],
    [
      'only specks of the alternatives lie elsewhere',
      {
        ...seen,
        candidates: candidatesOf(mask, rectangles([4, 4, 8, 8], [30, 30, 1, 1]), mask),
      },
    ],
    ['there are no alternatives', outcomeOf(mask)],
  ])('sees no distractor where %s', (_, outcome) => {
    const { object, keep, recall } = openPolicy(distractorAwarePolicy);
    object.restart?.(-1, outcomeOf(mask, { provenance: 'conditioned' }));
    keep(0, seen);
    keep(1, outcome);
    expect(recall(2).every(([, row]) => row !== 6)).toBe(true);
    keep(2, withDistractor());
    expect(recall(3)[0]).toEqual([2, 6]);
  });
});
