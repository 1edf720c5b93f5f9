import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskIou } from '../../src/mask/mask-iou.ts';
import type { MaskLogits } from '../../src/mask/mask-logits.ts';
import { associate, bitsIou, maskBits } from '../../src/tracker/association.ts';

const grid = { width: 24, height: 10, spanX: 20, spanY: 10 };

/** Columns `from` to `to` (exclusive) of the whole grid. */
function band(from: number, to: number): MaskLogits {
  const data = new Float32Array(grid.width * grid.height).fill(-1);
  for (let y = 0; y < grid.height; y++) data.fill(1, y * grid.width + from, y * grid.width + to);
  return { ...grid, data };
}
const bits = (from: number, to: number) => maskBits(band(from, to), grid);

describe('associate', () => {
  it('pairs each track with the candidate that continues it, whatever their order', () => {
    const { matches, unmatchedTracks, unmatchedCandidates } = associate(
      [bits(0, 8), bits(10, 18)],
      [bits(11, 19), bits(1, 9)],
    );
    expect(matches.map(({ track, candidate }) => [track, candidate])).toEqual([
      [0, 1],
      [1, 0],
    ]);
    for (const { iou } of matches) expect(iou).toBeCloseTo(7 / 9, 10);
    expect(unmatchedTracks).toEqual([]);
    expect(unmatchedCandidates).toEqual([]);
  });

  it('leaves alone what overlaps too little', () => {
    // 4 of 16 columns shared: 0.25.
    expect(associate([bits(0, 10)], [bits(6, 16)])).toEqual({
      matches: [],
      unmatchedTracks: [0],
      unmatchedCandidates: [0],
    });
    expect(associate([bits(0, 10)], [bits(6, 16)], 0.2).matches).toHaveLength(1);
  });

  it('prefers the pairing with the greatest overlap in total to the single best pair', () => {
    const { matches } = associate([bits(0, 10), bits(0, 14)], [bits(0, 11), bits(0, 5)]);
    expect(matches.map(({ track, candidate }) => [track, candidate])).toEqual([
      [0, 1],
      [1, 0],
    ]);
  });

  it.each([
    { name: 'no candidates', tracks: [bits(0, 5)], candidates: [], lost: [0], fresh: [] },
    { name: 'no tracks', tracks: [], candidates: [bits(0, 5)], lost: [], fresh: [0] },
    {
      name: 'empty masks',
      tracks: [bits(0, 0)],
      candidates: [bits(0, 0)],
      lost: [0],
      fresh: [0],
      minIou: 0,
    },
  ])('makes no pair of $name', ({ tracks, candidates, lost, fresh, minIou }) => {
    expect(associate(tracks, candidates, minIou)).toEqual({
      matches: [],
      unmatchedTracks: lost,
      unmatchedCandidates: fresh,
    });
  });

  it('mentions every track and every candidate exactly once', () => {
    const masks = fc.array(
      fc.tuple(fc.nat(19), fc.integer({ min: 1, max: 10 })).map(([from, length]) => {
        return bits(from, Math.min(20, from + length));
      }),
      { maxLength: 7 },
    );
    fc.assert(
      fc.property(masks, masks, (tracks, candidates) => {
        const { matches, unmatchedTracks, unmatchedCandidates } = associate(tracks, candidates);
        const rows = [...matches.map(({ track }) => track), ...unmatchedTracks].sort((a, b) => a - b);
        const columns = [...matches.map(({ candidate }) => candidate), ...unmatchedCandidates];
        expect(rows).toEqual([...tracks.keys()]);
        expect(columns.sort((a, b) => a - b)).toEqual([...candidates.keys()]);
        for (const { iou } of matches) expect(iou).toBeGreaterThanOrEqual(0.3);
      }),
    );
  });
});

describe('bitsIou', () => {
  it('is what counting pixels gives', () => {
    const pixels = fc.array(fc.boolean(), { minLength: 240, maxLength: 240 });
    fc.assert(
      fc.property(pixels, pixels, (a, b) => {
        const whole = { ...grid, spanX: grid.width };
        const logits = (mask: boolean[]) => Float32Array.from(mask, (inside) => (inside ? 0.1 : -3));
        const first = maskBits({ ...whole, data: logits(a) }, whole);
        const second = maskBits({ ...whole, data: logits(b) }, whole);
        const expected = maskIou(Uint8Array.from(a, Number), Uint8Array.from(b, Number));
        expect(bitsIou(first, second)).toBe(expected);
      }),
    );
  });

  it('refuses masks of different grids', () => {
    expect(() => bitsIou(new Uint32Array(2), new Uint32Array(3))).toThrow(RangeError);
  });
});

describe('maskBits', () => {
  it('leaves out what covers padding', () => {
    expect(bits(20, 24)).toEqual(bits(0, 0));
  });

  it('keeps the place in the picture when the grid changes', () => {
    const coarse = { width: 12, height: 5, spanX: 10, spanY: 5 };
    const halved = maskBits(band(4, 12), coarse);
    const data = new Float32Array(60).fill(-1);
    for (let y = 0; y < 5; y++) data.fill(1, y * 12 + 2, y * 12 + 6);
    expect(halved).toEqual(maskBits({ ...coarse, data }, coarse));
  });
});
