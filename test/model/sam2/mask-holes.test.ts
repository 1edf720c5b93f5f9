import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HoleFiller } from '../../../src/model/sam2/mask-holes.ts';
import { atolOf, expectClose, hasGoldens, readGolden } from './golden.ts';

const filled = Math.fround(0.1);

/** Fills holes pixel by pixel, walking through each of them. */
function naive(logits: Float32Array, width: number, height: number, maxArea: number): Float32Array {
  const out = logits.slice();
  const seen = new Set<number>();
  logits.forEach((logit, start) => {
    if (logit > 0 || seen.has(start)) return;
    const hole = [start];
    seen.add(start);
    for (const at of hole) {
      for (let y = Math.floor(at / width) - 1; y <= Math.floor(at / width) + 1; y++) {
        for (let x = (at % width) - 1; x <= (at % width) + 1; x++) {
          const next = y * width + x;
          const isInside = x >= 0 && x < width && y >= 0 && y < height;
          if (!isInside || seen.has(next) || (logits[next] as number) > 0) continue;
          seen.add(next);
          hole.push(next);
        }
      }
    }
    if (hole.length <= maxArea) for (const at of hole) out[at] = filled;
  });
  return out;
}

/** Logits of a drawing: `#` is inside, `.` is not. */
function draw(...rows: string[]): Float32Array {
  return Float32Array.from([...rows.join('')], (sign) => (sign === '#' ? 3 : -2));
}

function holesOf(logits: Float32Array, width: number, height: number, maxArea: number): number[] {
  const out = logits.slice();
  new HoleFiller().fill(out, width, height, maxArea);
  return [...out.keys()].filter((at) => out[at] === filled);
}

describe('HoleFiller', () => {
  it('fills what walking through each hole fills, whatever it filled before', () => {
    const filler = new HoleFiller();
    const side = fc.integer({ min: 1, max: 20 });
    const inside = fc.constantFrom(0.2, 0.5, 0.8);
    fc.assert(
      fc.property(side, side, inside, fc.nat(12), fc.nat(), (width, height, share, maxArea, seed) => {
        let state = seed;
        const logits = Float32Array.from({ length: width * height }, () => {
          state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
          return state / 0x7fffffff < share ? 1.5 : -1.5;
        });
        const expected = naive(logits, width, height, maxArea);
        filler.fill(logits, width, height, maxArea);
        expect([...logits]).toEqual([...expected]);
      }),
      { numRuns: 500 },
    );
  });

  it('joins pixels that touch at corners, in all directions', () => {
    expect(holesOf(draw('.###', '#.##', '##.#', '###.'), 4, 4, 3)).toEqual([]);
    expect(holesOf(draw('###.', '##.#', '#.##', '.###'), 4, 4, 3)).toEqual([]);
    expect(holesOf(draw('.#.', '###', '.#.'), 3, 3, 1)).toEqual([0, 2, 6, 8]);
  });

  it('joins holes that meet again further down', () => {
    const logits = draw('#####', '#.#.#', '#.#.#', '#...#', '#####');
    expect(holesOf(logits, 5, 5, 6)).toEqual([]);
    expect(holesOf(logits, 5, 5, 7)).toEqual([6, 8, 11, 13, 16, 17, 18]);
  });

  it('does not join the end of a row with the start of the next', () => {
    expect(holesOf(draw('##.', '###', '.##'), 3, 3, 1)).toEqual([2, 6]);
    expect(holesOf(draw('###.', '.###'), 4, 2, 1)).toEqual([3, 4]);
  });

  it('takes a logit of zero for a hole and leaves those inside as they are', () => {
    const logits = Float32Array.of(4, 0.25, 0, 7);
    new HoleFiller().fill(logits, 2, 2, 8);
    expect([...logits]).toEqual([4, 0.25, filled, 7]);
  });

  it('leaves a mask without inside empty', () => {
    const logits = new Float32Array(64 * 64).fill(-1024);
    new HoleFiller().fill(logits, 64, 64, 8);
    expect(logits.every((logit) => logit === -1024)).toBe(true);
  });

  it('refuses logits that are too few', () => {
    expect(() => new HoleFiller().fill(new Float32Array(11), 4, 3, 8)).toThrow(RangeError);
  });

  it.skipIf(!hasGoldens)('fills the golden holes', () => {
    const golden = readGolden('mod_resize');
    const logits = golden.floats('holes.in').slice();
    new HoleFiller().fill(logits, 64, 64, 8);
    expectClose(logits, golden.get('holes.filled8'), atolOf('mod_resize', 'holes.filled8'), 'holes.filled8');
  });
});
