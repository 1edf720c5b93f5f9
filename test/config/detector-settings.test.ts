import { describe, expect, it } from 'vitest';
import { parseClassMinScore } from '../../src/config/detector-settings.ts';

describe('parseClassMinScore', () => {
  it.each([
    ['hook=0.6', 'hook', 0.6],
    ['clip applier = .25', 'clip applier', 0.25],
    ['a=b=1', 'a=b', 1],
    ['x=0', 'x', 0],
    ['x=1.0', 'x', 1],
  ])('reads %s', (text, label, minScore) => {
    expect(parseClassMinScore(text)).toEqual({ label, minScore });
  });

  it.each(['', 'hook', '=0.5', ' =0.5', 'hook=', 'hook=1.5', 'hook=-0.1', 'hook=high'])(
    'refuses %j',
    (text) => {
      expect(parseClassMinScore(text)).toBeNull();
    },
  );
});
