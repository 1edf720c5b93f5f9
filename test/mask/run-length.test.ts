import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TrackcastError } from '../../src/errors.ts';
import {
  decodeRunLength,
  decodeRunLengthRegion,
  encodeRunLength,
  encodeRunLengthRegion,
  maxMaskPixels,
  type RunLengthMask,
  readRuns,
  runLengthArea,
  runLengthBox,
} from '../../src/mask/run-length.ts';

const picture = fc
  .record({ width: fc.integer({ min: 1, max: 40 }), height: fc.integer({ min: 1, max: 40 }) })
  .chain(({ width, height }) =>
    fc.record({
      width: fc.constant(width),
      height: fc.constant(height),
      mask: fc.oneof(
        fc.uint8Array({ min: 0, max: 1, minLength: width * height, maxLength: width * height }),
        rectangles(width, height),
      ),
    }),
  );

function rectangles(width: number, height: number) {
  return fc
    .array(fc.tuple(fc.nat(width - 1), fc.nat(height - 1), fc.nat(width), fc.nat(height)), { maxLength: 3 })
    .map((boxes) => {
      const mask = new Uint8Array(width * height);
      for (const [x, y, w, h] of boxes) {
        for (let row = y; row < Math.min(height, y + h); row++) {
          mask.fill(1, row * width + x, row * width + Math.min(width, x + w));
        }
      }
      return mask;
    });
}

function rows(...lines: string[]): { mask: Uint8Array; width: number; height: number } {
  const mask = Uint8Array.from(lines.join('').split('').map(Number));
  return { mask, width: lines[0]?.length ?? 0, height: lines.length };
}

function code(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    return error instanceof TrackcastError ? error.code : String(error);
  }
  return undefined;
}

const tenByTen = rows(
  '0000000000',
  '0000000000',
  '0001110000',
  '0001110000',
  '0000000000',
  '0000000000',
  '0000000000',
  '0000000000',
  '0000000000',
  '0000000000',
);

describe('encodeRunLength', () => {
  it.each([
    ['nothing inside, one run', rows('00', '00'), '4'],
    ['everything inside, after an empty run of zeros', rows('11', '11'), '04'],
    ['column-major order', rows('01', '11'), '13'],
    ['differences from the fourth run on', tenByTen, 'P128000V1'],
    ['a negative difference', rows(...'0001111010'), '341M0'],
    ['a run of 16, whose sign bit needs a second group', rows('0'.repeat(16)), '`0'],
  ])('writes %s', (_name, { mask, width, height }, counts) => {
    expect(encodeRunLength(mask, width, height)).toEqual({ size: [height, width], counts });
  });

  it('takes any value but 0 as inside', () => {
    expect(encodeRunLength(Uint8Array.of(0, 255, 1, 7), 2, 2).counts).toBe('13');
  });

  it('encodes a picture without pixels', () => {
    expect(encodeRunLength(new Uint8Array(0), 0, 0).counts).toBe('0');
  });

  it('is undone by decodeRunLength', () => {
    fc.assert(
      fc.property(picture, ({ mask, width, height }) => {
        expect(decodeRunLength(encodeRunLength(mask, width, height))).toEqual(mask);
      }),
    );
  });

  it('stays right when its buffer grows', () => {
    const side = 256;
    const chessboard = Uint8Array.from({ length: side * side }, (_, i) => (i + Math.floor(i / side)) & 1);
    expect(decodeRunLength(encodeRunLength(chessboard, side, side))).toEqual(chessboard);
  });

  it('refuses a mask shorter than its size', () => {
    expect(() => encodeRunLength(new Uint8Array(3), 2, 2)).toThrow(RangeError);
  });
});

describe('encodeRunLengthRegion', () => {
  it('equals the encoding of the whole picture', () => {
    const placed = picture.chain((region) =>
      fc.record({
        region: fc.constant(region),
        left: fc.nat(5),
        right: fc.nat(5),
        above: fc.nat(5),
        below: fc.nat(5),
      }),
    );
    fc.assert(
      fc.property(placed, ({ region, left, right, above, below }) => {
        const width = left + region.width + right;
        const height = above + region.height + below;
        const whole = new Uint8Array(width * height);
        for (let row = 0; row < region.height; row++) {
          const line = region.mask.subarray(row * region.width, (row + 1) * region.width);
          whole.set(line, (above + row) * width + left);
        }
        const box = { x: left, y: above, width: region.width, height: region.height };
        const encoded = encodeRunLengthRegion(region.mask, box, width, height);
        expect(encoded).toEqual(encodeRunLength(whole, width, height));
        expect(decodeRunLengthRegion(encoded, box)).toEqual(region.mask);
      }),
    );
  });

  it('encodes an empty box as an empty mask', () => {
    const box = { x: 1, y: 1, width: 0, height: 0 };
    expect(encodeRunLengthRegion(new Uint8Array(0), box, 3, 2).counts).toBe('6');
  });

  it.each([
    ['beyond the right edge', { x: 2, y: 0, width: 2, height: 1 }],
    ['left of the picture', { x: -1, y: 0, width: 2, height: 1 }],
    ['between pixels', { x: 0.5, y: 0, width: 1, height: 1 }],
  ])('refuses a box %s', (_name, box) => {
    expect(() => encodeRunLengthRegion(new Uint8Array(9), box, 3, 3)).toThrow(RangeError);
  });
});

describe('decodeRunLength', () => {
  it('reads leading runs of no pixels, as other encoders write them', () => {
    expect(decodeRunLength({ size: [2, 2], counts: '0013' })).toEqual(Uint8Array.of(0, 1, 1, 1));
  });

  it('overwrites a buffer that is given', () => {
    const out = new Uint8Array(4).fill(9);
    expect(decodeRunLength({ size: [2, 2], counts: '13' }, out)).toBe(out);
    expect(out).toEqual(Uint8Array.of(0, 1, 1, 1));
  });

  it.each<[string, RunLengthMask]>([
    ['runs that fall short', { size: [2, 2], counts: '12' }],
    ['runs that go beyond', { size: [2, 2], counts: '14' }],
    ['no runs', { size: [2, 2], counts: '' }],
    ['an end inside a run', { size: [10, 10], counts: 'P128000V' }],
    ['a character below the alphabet', { size: [2, 2], counts: '1 3' }],
    ['a character above the alphabet', { size: [2, 2], counts: '1p3' }],
    ['a character beyond Latin', { size: [2, 2], counts: '1☃' }],
    ['a run of negative length', { size: [1, 4], counts: '1O4' }],
    ['a run of too many groups', { size: [2, 2], counts: 'PPPPPPP0' }],
    ['a fractional size', { size: [1.5, 2], counts: '3' }],
    ['a negative size', { size: [-2, -2], counts: '4' }],
    ['a size that is not a number', { size: [Number.NaN, 2], counts: '4' }],
    ['endless runs of no pixels', { size: [2, 2], counts: `${'0'.repeat(50)}4` }],
  ])('refuses %s', (_name, mask) => {
    expect(code(() => decodeRunLength(mask))).toBe('TRACKCAST_MASK_INVALID');
    expect(code(() => runLengthArea(mask))).toBe('TRACKCAST_MASK_INVALID');
    expect(code(() => runLengthBox(mask))).toBe('TRACKCAST_MASK_INVALID');
  });

  it('refuses a picture over the limit before it takes memory', () => {
    const mask: RunLengthMask = { size: [maxMaskPixels, 1024], counts: '0' };
    expect(code(() => decodeRunLength(mask))).toBe('TRACKCAST_MASK_INVALID');
  });

  it('answers any string with a mask of the stated size or with TRACKCAST_MASK_INVALID', () => {
    const anyMask = fc.record({
      size: fc.tuple(fc.nat(12), fc.nat(12)),
      counts: fc.oneof(fc.string(), fc.stringMatching(/^[0-o]{0,20}$/)),
    });
    fc.assert(
      fc.property(anyMask, (mask) => {
        let decoded: Uint8Array;
        try {
          decoded = decodeRunLength(mask);
        } catch (error) {
          expect(error).toMatchObject({ code: 'TRACKCAST_MASK_INVALID' });
          return;
        }
        expect(decoded).toHaveLength(mask.size[0] * mask.size[1]);
        expect(runLengthArea(mask)).toBe(decoded.reduce((sum, value) => sum + value, 0));
      }),
      { numRuns: 500 },
    );
  });
});

describe('readRuns', () => {
  it('undoes the differences', () => {
    expect([...readRuns({ size: [10, 10], counts: 'P128000V1' })]).toEqual([32, 2, 8, 2, 8, 2, 46]);
  });
});

describe('runLengthArea and runLengthBox', () => {
  it('know the box of pycocotools for a rectangle', () => {
    const encoded = encodeRunLength(tenByTen.mask, 10, 10);
    expect(runLengthBox(encoded)).toEqual({ x: 3, y: 2, width: 3, height: 2 });
    expect(runLengthArea(encoded)).toBe(6);
  });

  it('know the box of pycocotools for a full picture', () => {
    expect(runLengthBox(encodeRunLength(Uint8Array.of(0, 1, 1, 1), 2, 2))).toEqual({
      x: 0,
      y: 0,
      width: 2,
      height: 2,
    });
  });

  it('agree with counting pixels', () => {
    fc.assert(
      fc.property(picture, ({ mask, width, height }) => {
        const encoded = encodeRunLength(mask, width, height);
        const xs: number[] = [];
        const ys: number[] = [];
        mask.forEach((value, index) => {
          if (value === 0) return;
          xs.push(index % width);
          ys.push(Math.floor(index / width));
        });
        expect(runLengthArea(encoded)).toBe(xs.length);
        const x = Math.min(...xs);
        const y = Math.min(...ys);
        const box =
          xs.length === 0 ? null : { x, y, width: Math.max(...xs) - x + 1, height: Math.max(...ys) - y + 1 };
        expect(runLengthBox(encoded)).toEqual(box);
      }),
    );
  });
});

const published = new URL(
  '../../../shared/video/dev/surgical/vos_sparse/endoscapes_v4_1fps/annotations_rle.json',
  import.meta.url,
);
const hasPublished = existsSync(published);
if (!hasPublished) console.warn('SKIPPED: masks written by pycocotools, because ../shared/video is absent');

describe('masks written by pycocotools', () => {
  it.skipIf(!hasPublished)('decode to their stated area and box and encode to the same string', () => {
    const found: { mask: RunLengthMask; area: number; box: number[] | undefined }[] = [];
    collect(JSON.parse(readFileSync(published, 'utf8')), found);
    expect(found.length).toBeGreaterThan(10);
    for (const { mask, area, box } of found) {
      const [height, width] = mask.size;
      const decoded = decodeRunLength(mask);
      expect(encodeRunLength(decoded, width, height)).toEqual(mask);
      expect(runLengthArea(mask)).toBe(area);
      const own = runLengthBox(mask);
      if (box !== undefined) expect([own?.x, own?.y, own?.width, own?.height]).toEqual(box);
    }
  });
});

function collect(value: unknown, found: { mask: RunLengthMask; area: number; box: number[] | undefined }[]) {
  if (typeof value !== 'object' || value === null) return;
  if ('segmentation' in value && 'area' in value) {
    const { segmentation, area } = value as { segmentation: RunLengthMask; area: number };
    const box = 'bbox' in value ? (value.bbox as number[]) : undefined;
    found.push({ mask: segmentation, area, box });
    return;
  }
  for (const inner of Object.values(value)) collect(inner, found);
}
