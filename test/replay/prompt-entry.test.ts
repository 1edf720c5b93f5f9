import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TrackcastError } from '../../src/errors.ts';
import { encodeRunLength } from '../../src/mask/run-length.ts';
import { parsePromptEntries, readPromptEntries } from '../../src/replay/prompt-entry.ts';

const place = { frame: 12, objectId: 3 };
const mask = encodeRunLength(Uint8Array.of(0, 1, 0, 0, 1, 0), 3, 2);

function parseOne(entry: unknown) {
  const [parsed] = parsePromptEntries(JSON.stringify([entry]));
  return parsed;
}

describe('parsePromptEntries', () => {
  it.each([
    {
      name: 'clicks',
      entry: {
        points: [
          [10, 20.5, 1],
          [3, 4, 0],
        ],
        label: 'ball',
      },
      action: {
        kind: 'show',
        shape: {
          kind: 'points',
          points: [
            { x: 10, y: 20.5, positive: true },
            { x: 3, y: 4, positive: false },
          ],
        },
        adds: false,
        label: 'ball',
      },
    },
    {
      name: 'a box',
      entry: { box: [1, 2, 30, 40] },
      action: {
        kind: 'show',
        shape: { kind: 'box', box: { x: 1, y: 2, width: 30, height: 40 } },
        adds: false,
        label: null,
      },
    },
    {
      name: 'a box with a click',
      entry: { box: [1, 2, 30, 40], points: [[5, 6, 1]] },
      action: {
        kind: 'show',
        shape: {
          kind: 'points',
          points: [{ x: 5, y: 6, positive: true }],
          box: { x: 1, y: 2, width: 30, height: 40 },
        },
        adds: false,
        label: null,
      },
    },
    {
      name: 'a mask',
      entry: { mask },
      action: { kind: 'show', shape: { kind: 'mask', mask }, adds: false, label: null },
    },
    {
      name: 'an uncompressed mask',
      entry: { mask: { size: [2, 3], counts: [2, 2, 2] } },
      action: { kind: 'show', shape: { kind: 'mask', mask }, adds: false, label: null },
    },
    {
      name: 'a click that adds',
      entry: { points: [[1, 2, 0]], add: true },
      action: {
        kind: 'show',
        shape: { kind: 'points', points: [{ x: 1, y: 2, positive: false }] },
        adds: true,
        label: null,
      },
    },
    { name: 'a removal', entry: { remove: true }, action: { kind: 'remove' } },
  ])('understands $name', ({ entry, action }) => {
    expect(parseOne({ ...place, ...entry })).toEqual({
      ...place,
      name: 'entry 1 (frame 12, object 3)',
      when: null,
      action,
    });
  });

  it('keeps what an entry says about time', () => {
    expect(parseOne({ ...place, box: [0, 0, 1, 1], when: 'after' })?.when).toBe('after');
  });

  it.each([
    { name: 'no object', entry: { frame: 1, points: [[1, 2, 1]] }, reason: /^entry 1, objectId: / },
    { name: 'no shape', entry: place, reason: /^entry 1 \(frame 12, object 3\): it has neither/ },
    { name: 'no points', entry: { ...place, points: [] }, reason: /^entry 1, points: / },
    { name: 'half a point', entry: { ...place, points: [[1, 2]] }, reason: /^entry 1, points\.0/ },
    {
      name: 'a foreign label',
      entry: { ...place, points: [[1, 2, 2]] },
      reason: /^entry 1, points\.0\.2: a label is 1/,
    },
    { name: 'an empty box', entry: { ...place, box: [1, 2, 0, 4] }, reason: /^entry 1, box\.2: / },
    { name: 'a negative frame', entry: { ...place, frame: -1, remove: true }, reason: /^entry 1, frame: / },
    { name: 'a misspelt key', entry: { ...place, boxes: [1, 2, 3, 4] }, reason: /^entry 1: .*boxes/ },
    { name: 'a mask with clicks', entry: { ...place, mask, points: [[1, 2, 1]] }, reason: /stands alone/ },
    { name: 'a mask that adds', entry: { ...place, mask, add: true }, reason: /only points can be added/ },
    {
      name: 'a box that adds',
      entry: { ...place, box: [1, 2, 3, 4], points: [[1, 2, 1]], add: true },
      reason: /only points can be added/,
    },
    {
      name: 'a removal with a shape',
      entry: { ...place, remove: true, box: [1, 2, 3, 4] },
      reason: /shows nothing/,
    },
    { name: 'another moment', entry: { ...place, remove: true, when: 'now' }, reason: /^entry 1, when: / },
    {
      name: 'a label that could disturb a terminal',
      entry: { ...place, mask, label: 'a\u001b[2J' },
      reason: /label/,
    },
  ])('refuses $name, naming the entry', ({ entry, reason }) => {
    expect(() => parseOne(entry)).toThrow(
      expect.objectContaining({ code: 'TRACKCAST_PROMPT_INVALID', message: expect.stringMatching(reason) }),
    );
  });

  it('refuses masks whose runs are wrong, naming the entry', () => {
    for (const counts of ['!', [1, 2]]) {
      expect(() => parseOne({ ...place, mask: { size: [2, 3], counts } })).toThrow(
        expect.objectContaining({
          code: 'TRACKCAST_MASK_INVALID',
          message: expect.stringMatching(/^entry 1 \(frame 12, object 3\): /),
        }),
      );
    }
  });

  it('counts entries from 1', () => {
    const entries = [
      { ...place, remove: true },
      { ...place, frame: 13 },
    ];
    expect(() => parsePromptEntries(JSON.stringify(entries))).toThrow(/^entry 2 \(frame 13, object 3\)/);
  });

  it.each(['', '{}', 'null', '[', '3'])('refuses %j, which is no list', (text) => {
    expect(() => parsePromptEntries(text)).toThrow(
      expect.objectContaining({ code: 'TRACKCAST_PROMPT_INVALID' }),
    );
  });

  it('answers any JSON with entries or with an error that has a code', () => {
    const keys = ['frame', 'objectId', 'points', 'box', 'mask', 'label', 'when', 'add', 'remove'];
    const entry = fc.dictionary(fc.oneof(fc.constantFrom(...keys), fc.string()), fc.jsonValue());
    fc.assert(
      fc.property(fc.array(fc.oneof(entry, fc.jsonValue())), (list) => {
        try {
          parsePromptEntries(JSON.stringify(list));
        } catch (error) {
          if (!(error instanceof TrackcastError)) throw error;
        }
      }),
    );
  });
});

describe('readPromptEntries', () => {
  it('says what it cannot read', async () => {
    await expect(readPromptEntries('/nowhere/prompts.json')).rejects.toMatchObject({
      code: 'TRACKCAST_SOURCE_UNREADABLE',
      place: { key: '/nowhere/prompts.json' },
    });
  });
});
