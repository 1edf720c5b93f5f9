import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ComplexSquare, transformSquare } from '../../src/prompting/fourier.ts';

/** The definition, term by term. */
function directTransform({ side, real, imaginary }: ComplexSquare): ComplexSquare {
  const result = { side, real: new Float64Array(side * side), imaginary: new Float64Array(side * side) };
  for (let v = 0; v < side; v++) {
    for (let u = 0; u < side; u++) {
      let [sumReal, sumImaginary] = [0, 0];
      for (let y = 0; y < side; y++) {
        for (let x = 0; x < side; x++) {
          const angle = (-2 * Math.PI * (u * x + v * y)) / side;
          const a = real[y * side + x] as number;
          const b = imaginary[y * side + x] as number;
          sumReal += a * Math.cos(angle) - b * Math.sin(angle);
          sumImaginary += a * Math.sin(angle) + b * Math.cos(angle);
        }
      }
      result.real[v * side + u] = sumReal;
      result.imaginary[v * side + u] = sumImaginary;
    }
  }
  return result;
}

const copyOf = ({ side, real, imaginary }: ComplexSquare): ComplexSquare => ({
  side,
  real: Float64Array.from(real),
  imaginary: Float64Array.from(imaginary),
});

const squares = fc
  .constantFrom(1, 2, 4, 8, 16)
  .chain((side) =>
    fc.array(fc.double({ min: -100, max: 100, noNaN: true }), {
      minLength: 2 * side * side,
      maxLength: 2 * side * side,
    }),
  )
  .map((values) => ({
    side: Math.sqrt(values.length / 2),
    real: Float64Array.from(values.slice(0, values.length / 2)),
    imaginary: Float64Array.from(values.slice(values.length / 2)),
  }));

function expectClose(actual: ComplexSquare, expected: ComplexSquare): void {
  for (const part of ['real', 'imaginary'] as const) {
    const largest = Math.max(
      ...actual[part].map((value, at) => Math.abs(value - (expected[part][at] as number))),
    );
    expect(largest).toBeLessThan(1e-8);
  }
}

describe('transformSquare', () => {
  it('is the discrete Fourier transform', () => {
    fc.assert(
      fc.property(squares, (square) => {
        const expected = directTransform(square);
        transformSquare(square);
        expectClose(square, expected);
      }),
      { numRuns: 40 },
    );
  });

  it('is undone by its inverse', () => {
    fc.assert(
      fc.property(squares, (square) => {
        const before = copyOf(square);
        transformSquare(square);
        transformSquare(square, true);
        expectClose(square, before);
      }),
      { numRuns: 40 },
    );
  });

  it('refuses sides that are no power of two', () => {
    for (const side of [0, 3, 12]) {
      const values = () => new Float64Array(side * side);
      expect(() => transformSquare({ side, real: values(), imaginary: values() })).toThrow(RangeError);
    }
  });
});
