import { describe, expect, it } from 'vitest';
import { checkpointLimits } from '../../../src/model/checkpoint/limits.ts';
import {
  type PickleDictionary,
  type PickleList,
  PickleTuple,
} from '../../../src/model/checkpoint/pickle-values.ts';
import { unpickle } from '../../../src/model/checkpoint/unpickle.ts';
import { join, pickle, text } from './pickle-writer.ts';
import { expectRefused } from './refused-pickle.ts';

describe('unpickle', () => {
  const repeated = (part: string, count: number) => Buffer.from(part.repeat(count), 'latin1');

  it.each([
    { name: 'values at a time', parts: [repeated('N', checkpointLimits.pickleStack + 1)] },
    { name: 'values at a time', parts: ['N', repeated('2', checkpointLimits.pickleStack)] },
    { name: 'marks at a time', parts: [repeated('(', checkpointLimits.pickleStack + 1)] },
    { name: 'objects', parts: [repeated(']0', checkpointLimits.pickleObjects + 1)] },
    { name: 'objects', parts: [repeated(')0', checkpointLimits.pickleObjects + 1)] },
    { name: 'objects', parts: ['N', repeated('\x85', checkpointLimits.pickleObjects + 1)] },
    { name: 'kept values', parts: ['N', repeated('\x94', checkpointLimits.pickleMemo + 1)] },
    { name: 'operations', parts: [repeated('N0', checkpointLimits.pickleOperations / 2)] },
  ])('refuses a pickle with more $name than the limit', ({ name, parts }) => {
    expectRefused(pickle(parts), new RegExp(`more than \\d+ ${name}`));
  });

  it('holds a pickle at its limits', () => {
    const most = pickle([repeated('N', checkpointLimits.pickleStack)]);
    expect(unpickle(most)).toBeNull();
    const deep = unpickle(pickle(['N', repeated('\x85', checkpointLimits.pickleObjects)]));
    expect(deep).toBeInstanceOf(PickleTuple);
  });

  it('builds containers that hold themselves, without following them', () => {
    const list = unpickle(pickle([']q\0', 'h\0a'])) as PickleList;
    expect(list.items[0]).toBe(list);
    const own = unpickle(pickle(['}q\0', text('self'), 'h\0s'])) as PickleDictionary;
    expect(own.entries.get('self')).toBe(own);
  });

  it('builds what would be 10^200 values if it were written out as what it is', () => {
    const levels = Array.from({ length: 200 }, (_, i) =>
      join(`](${`h${String.fromCharCode(i)}`.repeat(10)}e`, Uint8Array.of(0x71, i + 1)),
    );
    const bomb = unpickle(pickle([']', 'q\0', ...levels])) as PickleList;
    expect(bomb.items).toHaveLength(10);
    expect(new Set(bomb.items).size).toBe(1);
  });
});
