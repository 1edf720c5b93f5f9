import { describe, expect, it } from 'vitest';
import { classNamesOf } from '../../../src/model/detector/class-names.ts';

describe('classNamesOf', () => {
  it('prefers what is configured to what the model says', () => {
    const names = classNamesOf(['a', 'b'], "{0: 'x'}");
    expect([names.count, names.nameOf(0), names.nameOf(1)]).toEqual([2, 'a', 'b']);
    expect(classNamesOf(null, "{0: 'x'}").nameOf(0)).toBe('x');
  });

  it('gives every class a label that a track may have', () => {
    const names = classNamesOf([' two\nlines ', '', '\u0007', 'x'.repeat(300), 'é'], undefined);
    expect(Array.from({ length: 6 }, (_, index) => names.nameOf(index))).toEqual([
      'two lines',
      'class 1',
      'class 2',
      'x'.repeat(100),
      'é',
      'class 5',
    ]);
  });

  it('does not know how many classes there are where nobody says', () => {
    expect(classNamesOf(null, undefined).count).toBeNull();
    expect(classNamesOf(null, '{}').count).toBeNull();
    expect(classNamesOf(null, "{3: 'd'}").count).toBe(4);
  });

  it('finds classes by name, or by number where they have none', () => {
    const names = classNamesOf(['a', 'b', 'a', ''], undefined);
    expect(names.indicesOf('a')).toEqual([0, 2]);
    expect(names.indicesOf('c')).toEqual([]);
    expect(names.indicesOf('class 3')).toEqual([3]);
    expect(names.indicesOf('class 4')).toEqual([]);
    expect(classNamesOf(null, undefined).indicesOf('class 7')).toEqual([7]);
  });
});
