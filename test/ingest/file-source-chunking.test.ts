import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createChunker } from '../../src/ingest/file-source-chunking.ts';

describe('createChunker', () => {
  it('cuts pieces of the wanted sizes that add up to the input, each with the time of its first byte', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 30 }),
        fc.integer({ min: 1, max: 20 }),
        fc.nat(40),
        fc.integer(),
        (units, min, spread, seed) => {
          const max = min + spread;
          const chunker = createChunker({ kind: 'bytes', min, max, seed });
          const pieces = units.flatMap((data, index) => chunker.push({ data, timestampNs: BigInt(index) }));
          const rest = chunker.flush();
          expect(chunker.flush()).toEqual([]);
          const all = [...pieces, ...rest];
          expect(Buffer.concat(all.map((piece) => piece.data)).equals(Buffer.concat(units))).toBe(true);
          expect(pieces.every(({ data }) => data.length >= min && data.length <= max)).toBe(true);
          const unitOfByte = units.flatMap((data, index) => Array.from(data, () => BigInt(index)));
          let offset = 0;
          for (const piece of all) {
            expect(piece.timestampNs).toBe(unitOfByte[offset]);
            offset += piece.data.length;
          }
        },
      ),
    );
  });

  it.each([
    [0, 5],
    [6, 5],
    [1.5, 5],
    [1, Number.POSITIVE_INFINITY],
  ])('refuses pieces of %d to %d bytes', (min, max) => {
    expect(() => createChunker({ kind: 'bytes', min, max, seed: 1 })).toThrow(RangeError);
  });
});
