import { describe, expect, it } from 'vitest';
import { smoothMask } from '../../../src/tracker/segmented/mask-smoothing.ts';

const side = 24;

/** Logits of a square that end softly at `right`. */
function square(left: number, right: number, height = 16): Float32Array {
  return Float32Array.from({ length: side * side }, (_, at) => {
    const [x, y] = [at % side, Math.floor(at / side)];
    return y < height ? 2 * Math.min(x - left + 0.5, right - x - 0.5) : -10;
  });
}

const columnsInside = (logits: Float32Array) =>
  [...logits.subarray(0, side)].filter((logit) => logit > 0).length;

describe('smoothing a mask', () => {
  it('moves its border towards the carried one, by its share', () => {
    const fresh = square(2, 16);
    smoothMask(fresh, square(2, 12), 0.5);
    expect(columnsInside(fresh)).toBe(12);
  });

  it('changes nothing where no share is given to what was', () => {
    const fresh = square(2, 16);
    smoothMask(fresh, square(2, 12), 0);
    expect(fresh).toEqual(square(2, 16));
  });

  it('leaves a mask alone that corrects the one before', () => {
    const fresh = square(2, 20);
    smoothMask(fresh, square(2, 8), 0.5);
    expect(fresh).toEqual(square(2, 20));
  });

  it('lets a border that trembles tremble less', () => {
    let carried = square(2, 14);
    const borders: number[] = [];
    for (let look = 0; look < 10; look++) {
      const fresh = square(2, look % 2 === 0 ? 12 : 16);
      smoothMask(fresh, carried, 0.7);
      carried = fresh;
      borders.push(columnsInside(fresh));
    }
    expect(Math.max(...borders.slice(2)) - Math.min(...borders.slice(2))).toBeLessThanOrEqual(2);
  });
});
