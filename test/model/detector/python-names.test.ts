import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePythonNames } from '../../../src/model/detector/python-names.ts';

const namesOf = (text: string) => {
  const names = parsePythonNames(text);
  return names === null ? null : [...names];
};

/** How Python shows a string. */
function pythonString(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const body = text
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
    .replaceAll(quote, `\\${quote}`);
  return quote + body + quote;
}

describe('parsePythonNames', () => {
  it.each<[string, [number, string][]]>([
    [
      "{0: 'person', 1: 'bicycle'}",
      [
        [0, 'person'],
        [1, 'bicycle'],
      ],
    ],
    [
      '  {1:\'b\' , 0 : "a",} ',
      [
        [1, 'b'],
        [0, 'a'],
      ],
    ],
    ['{}', []],
    [
      "['grasper', 'hook']",
      [
        [0, 'grasper'],
        [1, 'hook'],
      ],
    ],
    ["('one',)", [[0, 'one']]],
    [
      '{"0": "it\'s", "7": "L-hook"}',
      [
        [0, "it's"],
        [7, 'L-hook'],
      ],
    ],
    ["{0: 'it\\'s \\xe9 \\u20ac \\U0001f600 \\d'}", [[0, "it's é € 😀 \\d"]]],
    [
      "{0: '__proto__', 1: 'constructor'}",
      [
        [0, '__proto__'],
        [1, 'constructor'],
      ],
    ],
  ])('reads %s', (text, names) => {
    expect(namesOf(text)).toEqual(names);
  });

  it.each([
    '',
    'person',
    '{',
    "{0: 'a'",
    "{0: 'a' 1: 'b'}",
    "{0: 'a', 0: 'b'}",
    "{-1: 'a'}",
    '{0: 1}',
    "{0: ['a']}",
    "{99999999999999: 'a'}",
    "{70000: 'a'}",
    "['a'",
    "['a']]",
    "['a', 3]",
    "{0: 'a}",
    "{0: 'a\\",
    "{0: '\\xg0'}",
    "{0: '\\U00110000'}",
    "__import__('os')",
    `[${' '.repeat(1 << 20)}]`,
  ])('takes %j for nothing', (text) => {
    expect(parsePythonNames(text)).toBeNull();
  });

  it('reads back whatever Python would write', () => {
    const dictionary = fc.uniqueArray(fc.tuple(fc.nat(65_535), fc.string({ unit: 'binary' })), {
      selector: ([key]) => key,
    });
    fc.assert(
      fc.property(dictionary, (entries) => {
        const text = `{${entries.map(([key, name]) => `${key}: ${pythonString(name)}`).join(', ')}}`;
        expect(namesOf(text)).toEqual(entries);
      }),
    );
  });

  it('comes to an end with names or nothing, whatever it is given', () => {
    const noise = fc.string({ unit: fc.constantFrom(...'{}[]():,\'"\\0123xuU ab\n') });
    fc.assert(
      fc.property(fc.oneof(noise, fc.string({ unit: 'binary' })), (text) => {
        const names = parsePythonNames(text);
        if (names === null) return;
        for (const [key, name] of names) {
          expect(Number.isInteger(key) && key >= 0).toBe(true);
          expect(typeof name).toBe('string');
        }
      }),
      { numRuns: 2000 },
    );
  });
});
