import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRunLength, encodeRunLength, readRuns } from '../../src/mask/run-length.ts';
import { RunWriter } from '../../src/mask/run-writer.ts';

/** Pixels of the largest mask that is read. */
const largest = 35_000_000;

describe('RunWriter', () => {
  it('writes what pycocotools writes', () => {
    const writer = new RunWriter();
    writer.begin();
    for (const run of [6, 1, 40, 4, 5, 4, 5, 4, 21]) writer.push(run);
    expect(writer.text()).toBe('61X13mN000`0');
  });

  it('gives back any runs that it was given', () => {
    const runs = fc.array(fc.integer({ min: 0, max: 2 ** 24 }), { minLength: 1, maxLength: 40 });
    const writer = new RunWriter();
    fc.assert(
      fc.property(runs, (given) => {
        const total = given.reduce((sum, run) => sum + run, 0);
        fc.pre(total > 0 && total <= largest);
        writer.begin();
        for (const run of given) writer.push(run);
        expect([...readRuns({ size: [total, 1], counts: writer.text() })]).toEqual(given);
      }),
    );
  });

  it('makes the same mask from filled spans as from pixels', () => {
    const columns = fc.array(fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }), {
      minLength: 1,
      maxLength: 9,
    });
    const writer = new RunWriter();
    fc.assert(
      fc.property(columns, (mask) => {
        const width = mask.length;
        const pixels = new Uint8Array(width * 6);
        writer.begin();
        mask.forEach((column, x) => {
          column.forEach((inside, y) => {
            if (!inside) return;
            pixels[y * width + x] = 1;
            writer.fill(x * 6 + y, x * 6 + y + 1);
          });
        });
        const counts = writer.finish(width * 6);
        expect(counts).toBe(encodeRunLength(pixels, width, 6).counts);
        expect(decodeRunLength({ size: [6, width], counts })).toEqual(pixels);
      }),
    );
  });

  it('grows beyond its first buffer and is used again', () => {
    const writer = new RunWriter();
    writer.begin();
    const runs = Array.from({ length: 3000 }, (_, at) => (at * 7919) % 10_000);
    for (const run of runs) writer.push(run);
    const total = runs.reduce((sum, run) => sum + run, 0);
    expect([...readRuns({ size: [total, 1], counts: writer.text() })]).toEqual(runs);
    writer.begin();
    expect(writer.finish(12)).toBe('<');
  });
});
