import { describe, expect, it } from 'vitest';
import { textTable } from '../../src/evaluation/text-table.ts';

describe('textTable', () => {
  it('puts the first column to the left, figures to the right, and rules where asked', () => {
    expect(textTable(['name', 'J'], [['dog', '9.5'], 'rule', ['mean of all', '10.5']])).toBe(
      [
        'name            J',
        '-----------  ----',
        'dog           9.5',
        '-----------  ----',
        'mean of all  10.5',
      ].join('\n'),
    );
  });

  it('is only a head without rows', () => {
    expect(textTable(['a', 'b'], [])).toBe('a  b\n-  -');
  });
});
