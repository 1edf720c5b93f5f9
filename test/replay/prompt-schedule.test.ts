import { describe, expect, it } from 'vitest';
import { parsePromptEntries } from '../../src/replay/prompt-entry.ts';
import { schedulePrompts } from '../../src/replay/prompt-schedule.ts';

const positive = { points: [[1, 2, 1]] };
const negative = { points: [[1, 2, 0]] };

/** Numbers of the entries before and after each frame. */
function scheduleOf(list: readonly object[], ahead = false) {
  const entries = parsePromptEntries(JSON.stringify(list));
  const numbers = (of: readonly (typeof entries)[number][]) => of.map((entry) => entries.indexOf(entry) + 1);
  return Object.fromEntries(
    [...schedulePrompts(entries, ahead)].map(([frame, { before, after }]) => [
      frame,
      [numbers(before), numbers(after)],
    ]),
  );
}

describe('schedulePrompts', () => {
  it('shows new objects before their frame is tracked, whatever an entry says', () => {
    const entries = [
      { frame: 0, objectId: 1, ...positive },
      { frame: 8, objectId: 2, ...positive, when: 'after' },
      { frame: 9, objectId: 3, ...negative, when: 'before' },
    ];
    expect(scheduleOf(entries)).toEqual({ 0: [[1], []], 8: [[2], []], 9: [[3], []] });
  });

  it('corrects with negative clicks alone, and otherwise shows the object anew', () => {
    const object = { frame: 0, objectId: 1, ...positive };
    const later = { frame: 5, objectId: 1 };
    const boxed = { ...negative, box: [0, 0, 2, 2] };
    expect(scheduleOf([object, { ...later, ...negative }])).toEqual({ 0: [[1], []], 5: [[], [2]] });
    expect(scheduleOf([object, { ...later, ...positive }])).toEqual({ 0: [[1], []], 5: [[2], []] });
    expect(scheduleOf([object, { ...later, ...boxed }])).toEqual({ 0: [[1], []], 5: [[2], []] });
    expect(scheduleOf([object, { ...later, ...positive, when: 'after' }])).toEqual({
      0: [[1], []],
      5: [[], [2]],
    });
    expect(scheduleOf([object, { ...later, ...negative, when: 'before' }])).toEqual({
      0: [[1], []],
      5: [[2], []],
    });
  });

  it('joins entries to the one before about the same object on the same frame', () => {
    const shown = [
      { frame: 0, objectId: 1, ...positive },
      { frame: 0, objectId: 1, ...negative, add: true },
    ];
    expect(scheduleOf(shown)).toEqual({ 0: [[1, 2], []] });
    const corrected = [
      { frame: 0, objectId: 1, ...positive },
      { frame: 3, objectId: 1, ...negative },
      { frame: 3, objectId: 1, ...positive, add: true },
      { frame: 3, objectId: 1, remove: true },
    ];
    expect(scheduleOf(corrected)).toEqual({ 0: [[1], []], 3: [[], [2, 3, 4]] });
  });

  it('goes by frames first, then by the order of the file', () => {
    const entries = [
      { frame: 4, objectId: 2, ...positive },
      { frame: 0, objectId: 3, ...positive },
      { frame: 4, objectId: 1, ...positive },
      { frame: 4, objectId: 3, remove: true },
    ];
    expect(scheduleOf(entries)).toEqual({ 0: [[2], []], 4: [[1, 3, 4], []] });
  });

  it('gives all prompts ahead where told so', () => {
    const entries = [
      { frame: 0, objectId: 1, ...positive },
      { frame: 5, objectId: 1, ...negative },
    ];
    expect(scheduleOf(entries, true)).toEqual({ 0: [[1], []], 5: [[2], []] });
  });

  it.each([
    {
      name: 'a removal of what does not exist',
      entries: [{ frame: 1, objectId: 1, remove: true }],
      reason: /^entry 1 .* no such object/,
    },
    {
      name: 'a removal before the object exists',
      entries: [
        { frame: 2, objectId: 1, ...positive },
        { frame: 1, objectId: 1, remove: true },
      ],
      reason: /^entry 2 .* no such object/,
    },
    {
      name: 'an object that was removed',
      entries: [
        { frame: 0, objectId: 1, ...positive },
        { frame: 1, objectId: 1, remove: true },
        { frame: 1, objectId: 1, ...positive },
      ],
      reason: /^entry 3 .* ids are not used again/,
    },
    {
      name: 'a new object of negative clicks',
      entries: [{ frame: 0, objectId: 1, ...negative }],
      reason: /^entry 1 .* more than negative clicks/,
    },
    {
      name: 'what is to come before tracking and after a correction',
      entries: [
        { frame: 0, objectId: 1, ...positive },
        { frame: 3, objectId: 1, ...negative },
        { frame: 3, objectId: 1, ...positive, when: 'before' },
      ],
      reason: /^entry 3 .* cannot come before/,
    },
  ])('refuses $name', ({ entries, reason }) => {
    expect(() => scheduleOf(entries)).toThrow(
      expect.objectContaining({ code: 'TRACKCAST_PROMPT_INVALID', message: expect.stringMatching(reason) }),
    );
  });

  it.each([
    { name: 'corrections', entry: { ...negative, when: 'after' } },
    { name: 'removals', entry: { remove: true } },
  ])('refuses $name that are given ahead', ({ entry }) => {
    const entries = [
      { frame: 0, objectId: 1, ...positive },
      { frame: 3, objectId: 1, ...entry },
    ];
    expect(() => scheduleOf(entries, true)).toThrow(/^entry 2 .* ahead/);
  });
});
