import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CandidateGates,
  type CandidateMask,
  type CandidateRejection,
  chooseNewObjects,
} from '../../src/prompting/candidate-filter.ts';

const grid = { width: 40, height: 32, spanX: 40, spanY: 30 };
const gates: CandidateGates = {
  minPredictedIou: 0.8,
  minStability: 0.8,
  minArea: 0.01,
  maxArea: 0.5,
  duplicateIou: 0.6,
  containment: 0.8,
  prefers: 'whole',
  minOutside: 0.6,
};

function candidate(
  x: number,
  y: number,
  width: number,
  height: number,
  predictedIou = 0.9,
  stability = 0.9,
): CandidateMask {
  const logits = new Float32Array(grid.width * grid.height).fill(-1);
  for (let row = y; row < y + height; row++) logits.fill(1, row * 40 + x, row * 40 + x + width);
  return { logits, predictedIou, stability };
}

function choose(
  candidates: readonly CandidateMask[],
  limit = 10,
  occupied?: CandidateMask,
  changed: Partial<CandidateGates> = {},
) {
  const taken = Uint8Array.from(occupied?.logits ?? new Float32Array(40 * 32), (logit) =>
    logit > 0 ? 1 : 0,
  );
  const rejections: CandidateRejection[] = [];
  const chosen = chooseNewObjects(candidates, grid, taken, limit, { ...gates, ...changed }, (reason) =>
    rejections.push(reason),
  );
  return { chosen, rejections };
}

describe('chooseNewObjects', () => {
  it('takes things apart from each other, best first', () => {
    const { chosen, rejections } = choose([
      candidate(2, 2, 8, 8, 0.85),
      candidate(20, 4, 8, 8, 0.99),
      candidate(10, 18, 8, 8, 0.92),
    ]);
    expect(chosen).toEqual([1, 2, 0]);
    expect(rejections).toEqual([]);
  });

  it.each<{ reason: CandidateRejection; what: CandidateMask }>([
    { reason: 'predicted_iou', what: candidate(5, 5, 8, 8, 0.79) },
    { reason: 'stability', what: candidate(5, 5, 8, 8, 0.9, 0.79) },
    { reason: 'too_small', what: candidate(5, 5, 3, 3) },
    { reason: 'too_small', what: candidate(5, 5, 0, 0) },
    { reason: 'too_large', what: candidate(4, 4, 30, 25) },
    { reason: 'frame_like', what: candidate(0, 0, 40, 11) },
  ])('refuses $reason', ({ reason, what }) => {
    expect(choose([what])).toEqual({ chosen: [], rejections: [reason] });
  });

  it('takes what leans on one side of the picture', () => {
    expect(choose([candidate(0, 8, 8, 12)]).chosen).toEqual([0]);
  });

  it('refuses what a live track covers for the most part, and takes what it merely touches', () => {
    expect(choose([candidate(10, 10, 10, 10)], 10, candidate(8, 8, 9, 20))).toEqual({
      chosen: [],
      rejections: ['covered'],
    });
    expect(choose([candidate(10, 10, 10, 10)], 10, candidate(8, 8, 5, 20)).chosen).toEqual([0]);
  });

  it('takes the better of two masks of one thing', () => {
    const { chosen, rejections } = choose([candidate(5, 5, 10, 10, 0.85), candidate(5, 5, 10, 9, 0.97)]);
    expect(chosen).toEqual([1]);
    expect(rejections).toEqual(['duplicate']);
  });

  it('prefers a whole to its part, unless the part is clearly better', () => {
    const whole = (quality: number) => candidate(5, 5, 14, 14, quality);
    const part = candidate(5, 5, 8, 8, 0.95);
    expect(choose([part, whole(0.93)]).chosen).toEqual([1]);
    expect(choose([part, whole(0.81)]).chosen).toEqual([0]);
  });

  it('prefers a part to its whole where that is wanted, unless the whole is clearly better', () => {
    const whole = candidate(5, 5, 14, 14, 0.95);
    const part = (quality: number) => candidate(6, 6, 6, 6, quality);
    const parts = (quality: number) => choose([whole, part(quality)], 10, undefined, { prefers: 'part' });
    expect(parts(0.93).chosen).toEqual([1]);
    expect(parts(0.81).chosen).toEqual([0]);
  });

  it('keeps two things rather than the heap that they make', () => {
    const heap = candidate(4, 5, 24, 10, 0.93);
    expect(choose([candidate(4, 5, 10, 10, 0.95), candidate(18, 5, 10, 10, 0.94), heap])).toEqual({
      chosen: [0, 1],
      rejections: ['duplicate'],
    });
  });

  it('takes no more than there is room for, the best of them', () => {
    const candidates = [
      candidate(2, 2, 6, 6, 0.85),
      candidate(12, 2, 6, 6, 0.95),
      candidate(22, 2, 6, 6, 0.9),
    ];
    expect(choose(candidates, 2)).toEqual({ chosen: [1, 2], rejections: ['limit'] });
    expect(choose(candidates, 0)).toEqual({ chosen: [], rejections: ['limit', 'limit', 'limit'] });
  });

  it('accounts for every candidate, and never takes the same thing twice', () => {
    const any = fc
      .record({
        x: fc.nat(30),
        y: fc.nat(20),
        width: fc.integer({ min: 1, max: 10 }),
        height: fc.integer({ min: 1, max: 10 }),
        quality: fc.double({ min: 0.7, max: 1, noNaN: true }),
      })
      .map(({ x, y, width, height, quality }) => candidate(x, y, width, height, quality));
    fc.assert(
      fc.property(fc.array(any, { maxLength: 8 }), fc.nat(5), (candidates, limit) => {
        const { chosen, rejections } = choose(candidates, limit);
        expect(chosen.length + rejections.length).toBe(candidates.length);
        expect(chosen.length).toBeLessThanOrEqual(limit);
        const masks = chosen.map((at) => candidates[at]?.logits ?? new Float32Array(0));
        for (const [at, mask] of masks.entries()) {
          for (const other of masks.slice(at + 1)) {
            const both = mask.filter((logit, cell) => logit > 0 && (other[cell] as number) > 0).length;
            const areas = [mask, other].map((each) => each.filter((logit) => logit > 0).length);
            expect(both / Math.min(...areas)).toBeLessThan(gates.containment);
          }
        }
      }),
    );
  });

  describe('of boxes that a detector has seen', () => {
    const detected = (mask: CandidateMask, score: number): CandidateMask => ({
      ...mask,
      detection: { score },
    });

    it('prefers them to anything else, the best first', () => {
      const { chosen } = choose([
        candidate(20, 4, 8, 8, 0.99, 0.99),
        detected(candidate(2, 2, 8, 8), 0.4),
        detected(candidate(10, 18, 8, 8), 0.7),
      ]);
      expect(chosen).toEqual([2, 1, 0]);
    });

    it('lets no whole take the place of one', () => {
      const part = detected(candidate(4, 4, 8, 8, 0.9), 0.3);
      expect(choose([candidate(2, 2, 16, 12, 0.95), part]).chosen).toEqual([1]);
    });

    it('believes them where a point would not be believed', () => {
      expect(choose([detected(candidate(0, 0, 38, 29, 0.6, 0.6), 0.5)]).chosen).toEqual([0]);
      expect(choose([detected(candidate(5, 5, 1, 2, 0.6, 0.6), 0.5)]).chosen).toEqual([0]);
      expect(choose([detected(candidate(5, 5, 8, 8, 0.3), 0.9)]).rejections).toEqual(['predicted_iou']);
    });

    it('tells a thing from what it holds, but takes nothing twice', () => {
      const holder = detected(candidate(4, 4, 16, 16), 0.9);
      expect(choose([holder, detected(candidate(6, 6, 6, 6), 0.8)]).chosen).toEqual([0, 1]);
      expect(choose([holder, detected(candidate(4, 4, 16, 15), 0.8)]).rejections).toEqual(['duplicate']);
    });

    it('takes nothing that is tracked already', () => {
      const again = detected(candidate(4, 4, 8, 8), 0.9);
      expect(choose([again], 10, candidate(4, 4, 8, 8)).rejections).toEqual(['covered']);
    });
  });
});
