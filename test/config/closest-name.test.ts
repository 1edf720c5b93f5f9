import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { closestName, editDistance } from '../../src/config/closest-name.ts';

describe('edit distance', () => {
  it.each([
    ['', '', 0],
    ['abc', 'abc', 0],
    ['abc', 'acb', 1],
    ['abc', 'ab', 1],
    ['abc', 'abcd', 1],
    ['kitten', 'sitting', 3],
  ])('between "%s" and "%s" is %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });

  it('is symmetric, and zero only for equal texts', () => {
    const text = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
      }),
    );
  });
});

describe('the closest name', () => {
  const names = ['HTTP_HOST', 'HTTP_PORT', 'LOG_LEVEL'] as const;
  it.each([
    ['HTP_PORT', 'HTTP_PORT'],
    ['log_level', 'LOG_LEVEL'],
    ['HTTP_HSOT', 'HTTP_HOST'],
    ['REDIS', null],
  ])('to %s is %s', (text, expected) => {
    expect(closestName(text, names)).toBe(expected);
  });
});
