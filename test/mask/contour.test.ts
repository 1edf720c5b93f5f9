import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contoursOf, polygonArea, runLengthContours } from '../../src/mask/contour.ts';
import { encodeRunLength, encodeRunLengthRegion } from '../../src/mask/run-length.ts';

function region(...lines: string[]) {
  const values = Uint8Array.from(lines.join('').split('').map(Number));
  return { values, box: { x: 0, y: 0, width: lines[0]?.length ?? 0, height: lines.length } };
}

const anyRegion = fc
  .tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 }), fc.nat(9), fc.nat(9))
  .chain(([width, height, x, y]) =>
    fc.record({
      box: fc.constant({ x, y, width, height }),
      values: fc.uint8Array({ max: 1, minLength: width * height, maxLength: width * height }),
    }),
  );

/** Even-odd fill at pixel centres: an independent way back from contours to pixels. */
function fill(
  polygons: readonly (readonly number[])[],
  box: { x: number; y: number; width: number; height: number },
) {
  const mask = new Uint8Array(box.width * box.height);
  for (let row = 0; row < box.height; row++) {
    for (let column = 0; column < box.width; column++) {
      const x = box.x + column + 0.5;
      const y = box.y + row + 0.5;
      let crossings = 0;
      for (const polygon of polygons) {
        for (let at = 0; at < polygon.length; at += 2) {
          const next = (at + 2) % polygon.length;
          const [ax = 0, ay = 0] = [polygon[at], polygon[at + 1]];
          const [bx = 0, by = 0] = [polygon[next], polygon[next + 1]];
          if (ay > y !== by > y && ax + ((y - ay) * (bx - ax)) / (by - ay) > x) crossings += 1;
        }
      }
      mask[row * box.width + column] = crossings & 1;
    }
  }
  return mask;
}

describe('contoursOf', () => {
  it.each([
    ['nothing for an empty region', region('00', '00'), []],
    ['one pixel as a square', region('1'), [[0, 0, 1, 0, 1, 1, 0, 1]]],
    ['straight borders by their corners alone', region('111', '111'), [[0, 0, 3, 0, 3, 2, 0, 2]]],
    ['an L', region('10', '11'), [[0, 0, 1, 0, 1, 1, 2, 1, 2, 2, 0, 2]]],
    [
      'a hole after its surroundings, the other way round',
      region('111', '101', '111'),
      [
        [0, 0, 3, 0, 3, 3, 0, 3],
        [1, 2, 2, 2, 2, 1, 1, 1],
      ],
    ],
    [
      'pixels that touch at a corner as one',
      region('10', '01'),
      [[0, 0, 1, 0, 1, 1, 2, 1, 2, 2, 1, 2, 1, 1, 0, 1]],
    ],
    [
      'parts that do not touch apart',
      region('101'),
      [
        [0, 0, 1, 0, 1, 1, 0, 1],
        [2, 0, 3, 0, 3, 1, 2, 1],
      ],
    ],
  ])('gives %s', (_name, { values, box }, expected) => {
    expect(contoursOf(values, box)).toEqual(expected);
  });

  it('answers in the coordinates of the picture', () => {
    expect(contoursOf(Uint8Array.of(1), { x: 10, y: 20, width: 1, height: 1 })).toEqual([
      [10, 20, 11, 20, 11, 21, 10, 21],
    ]);
  });

  it('encloses exactly the area of the mask', () => {
    fc.assert(
      fc.property(anyRegion, ({ values, box }) => {
        const area = contoursOf(values, box).reduce((sum, polygon) => sum + polygonArea(polygon), 0);
        expect(area).toBe(values.reduce((sum, value) => sum + value, 0));
      }),
    );
  });

  it('paints exactly the mask when filled', () => {
    fc.assert(
      fc.property(anyRegion, ({ values, box }) => {
        expect(fill(contoursOf(values, box), box)).toEqual(values);
      }),
    );
  });

  it('turns at every corner', () => {
    fc.assert(
      fc.property(anyRegion, ({ values, box }) => {
        for (const polygon of contoursOf(values, box)) {
          for (let at = 0; at < polygon.length; at += 2) {
            const next = (at + 2) % polygon.length;
            const after = (at + 4) % polygon.length;
            const horizontal = polygon[at + 1] === polygon[next + 1];
            expect(horizontal).not.toBe(polygon[next + 1] === polygon[after + 1]);
          }
        }
      }),
    );
  });

  it('simplifies a staircase to its slope', () => {
    const size = 20;
    const values = Uint8Array.from({ length: size * size }, (_, at) =>
      at % size <= Math.floor(at / size) ? 1 : 0,
    );
    const box = { x: 0, y: 0, width: size, height: size };
    const [plain] = contoursOf(values, box);
    const [simple] = contoursOf(values, box, 1);
    expect(plain?.length).toBeGreaterThan(60);
    expect(simple?.length).toBeLessThanOrEqual(10);
    expect(polygonArea(simple ?? [])).toBeCloseTo(polygonArea(plain ?? []), -2);
  });

  it('keeps every contour, of at least three corners taken from its own, when simplifying', () => {
    fc.assert(
      fc.property(anyRegion, fc.double({ min: 0.1, max: 5, noNaN: true }), ({ values, box }, tolerance) => {
        const plain = contoursOf(values, box);
        const simple = contoursOf(values, box, tolerance);
        expect(simple).toHaveLength(plain.length);
        simple.forEach((polygon, index) => {
          expect(polygon.length).toBeGreaterThanOrEqual(6);
          const own = new Set(pairs(plain[index] ?? []));
          for (const corner of pairs(polygon)) expect(own).toContain(corner);
        });
      }),
    );
  });
});

function pairs(polygon: readonly number[]): string[] {
  return polygon.flatMap((x, at) => (at % 2 === 0 ? [`${x},${polygon[at + 1]}`] : []));
}

describe('runLengthContours', () => {
  it('gives the contours of the encoded region', () => {
    fc.assert(
      fc.property(anyRegion, ({ values, box }) => {
        const encoded = encodeRunLengthRegion(values, box, 40, 40);
        expect(fill(runLengthContours(encoded), box)).toEqual(values);
      }),
    );
  });

  it('gives nothing for an empty mask', () => {
    expect(runLengthContours(encodeRunLength(new Uint8Array(6), 3, 2))).toEqual([]);
  });
});
