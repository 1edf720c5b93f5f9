import { describe, expect, it } from 'vitest';
import { lostSeconds, occludedSeconds } from '../../src/tracker/life-cycle.ts';
import { type NewObject, ObjectTable } from '../../src/tracker/object-table.ts';
import type { TrackedObject } from '../../src/tracker/tracked-object.ts';
import { stillMask } from './still-mask.ts';

const second = 1_000_000_000n;

function made(table: ObjectTable, changes: Partial<NewObject> = {}): TrackedObject {
  return table.create({
    author: 'strategy',
    label: null,
    frameIndex: 0,
    timestampNs: 0n,
    score: 1,
    ...changes,
  });
}

const ids = (table: ObjectTable) => [...table.all()].map(({ id }) => id);
const hide = (object: TrackedObject, frameIndex = 0) => {
  object.observe({ kind: 'absent' }, frameIndex, 0n);
};

describe('ObjectTable', () => {
  it('gives ids upwards from the first, and goes on above those that people choose', () => {
    const table = new ObjectTable('a', 10, 5);
    expect([made(table).id, made(table, { id: 9 }).id, made(table).id, made(table, { id: 7 }).id]).toEqual([
      5, 9, 10, 7,
    ]);
    expect(made(table).id).toBe(11);
    expect(table.nextId).toBe(12);
  });

  it('refuses ids that were given before, also by a predecessor', () => {
    const table = new ObjectTable('a', 10, 5);
    made(table, { id: 8 });
    table.remove(8);
    for (const id of [8, 2]) {
      expect(() => made(table, { id })).toThrow(
        expect.objectContaining({ code: 'TRACKCAST_PROMPT_INVALID' }),
      );
    }
    expect(made(table, { id: 6 }).id).toBe(6);
    expect(() => made(table, { id: 6 })).toThrow(/given before/);
    expect(made(table).id).toBe(9);
  });

  it('remembers a bounded number of free ids below one that is asked for', () => {
    const table = new ObjectTable('a', 10, 1);
    made(table, { id: 1_000_000_000 });
    expect(made(table, { id: 999_999_999 }).id).toBe(999_999_999);
    expect(() => made(table, { id: 17 })).toThrow(/given before/);
  });

  it('never gives the id of a removed object to another', () => {
    const table = new ObjectTable('a', 10, 1);
    made(table);
    made(table);
    table.remove(2);
    table.clear();
    expect(made(table).id).toBe(3);
    expect(table.size).toBe(1);
  });

  it('tells once of what was made and removed, and which memories can go', () => {
    const table = new ObjectTable('a', 10, 1);
    made(table, { author: 'person' });
    made(table, { isCertain: true });
    table.remove(1);
    table.note({ kind: 'occluded', trackId: 2 });
    table.note(null);
    expect(table.takeEvents()).toEqual([
      { kind: 'created', trackId: 1 },
      { kind: 'created', trackId: 2 },
      { kind: 'removed', trackId: 1 },
      { kind: 'occluded', trackId: 2 },
    ]);
    expect(table.takeEvents()).toEqual([]);
    expect(table.takeForgotten()).toEqual([1]);
    expect(table.takeForgotten()).toEqual([]);
  });

  it('tells nobody of what a strategy found until a second look confirms it', () => {
    const table = new ObjectTable('a', 10, 1);
    const confirmed = made(table);
    made(table);
    table.note({ kind: 'occluded', trackId: 1 });
    table.remove(2);
    expect(table.takeEvents()).toEqual([]);
    confirmed.show(stillMask(), 1, true);
    expect(table.takeEvents()).toEqual([{ kind: 'created', trackId: 1 }]);
    table.note({ kind: 'lost', trackId: 1 });
    table.remove(1);
    expect(table.takeEvents().map(({ kind }) => kind)).toEqual(['lost', 'removed']);
  });

  it('knows its objects and no others', () => {
    const table = new ObjectTable('cam', 10, 1);
    const object = made(table);
    expect(table.get(1)).toBe(object);
    expect(table.find(2)).toBeUndefined();
    for (const ask of [() => table.get(2), () => table.remove(2)]) {
      expect(ask).toThrow(
        expect.objectContaining({ code: 'TRACKCAST_OBJECT_UNKNOWN', place: { streamId: 'cam' } }),
      );
    }
  });

  it('counts those as room that it could give up', () => {
    const table = new ObjectTable('a', 3, 1);
    expect(table.room()).toBe(3);
    const first = made(table);
    made(table, { author: 'person' });
    made(table);
    expect(table.room()).toBe(0);
    hide(first);
    expect(table.room()).toBe(1);
    made(table, { author: 'person' });
    made(table, { author: 'person' });
    expect(table.room()).toBe(0);
  });

  it('gives up the automatic object that has been hidden longest, and nothing else', () => {
    const table = new ObjectTable('a', 4, 1);
    const person = made(table, { author: 'person', frameIndex: 0 });
    const older = made(table, { frameIndex: 2 });
    const oldest = made(table, { frameIndex: 1 });
    const active = made(table, { frameIndex: 0, isCertain: true });
    for (const object of [person, older, oldest]) hide(object);
    made(table, { isCertain: true });
    expect(ids(table)).toEqual([person.id, older.id, active.id, 5]);
    made(table, { isCertain: true });
    expect(ids(table)).toEqual([person.id, active.id, 5, 6]);
    // Nothing is left to give up: people are not refused.
    made(table, { author: 'person' });
    expect(table.size).toBe(5);
  });

  it('gives up unconfirmed objects first, those in view for people only', () => {
    const table = new ObjectTable('a', 3, 1);
    const hidden = made(table, { frameIndex: 1, isCertain: true });
    const doubtful = made(table, { frameIndex: 5 });
    made(table, { frameIndex: 0, isCertain: true });
    hide(hidden);
    hide(doubtful);
    made(table, { frameIndex: 6 });
    expect(ids(table)).toEqual([1, 3, 4]);
    made(table, { author: 'person' });
    expect(ids(table)).toEqual([1, 3, 5]);
    made(table);
    expect(ids(table)).toEqual([3, 5, 6]);
  });

  it('never gives up what a person has locked, until it is unlocked', () => {
    const table = new ObjectTable('a', 1, 1);
    const locked = made(table);
    locked.change({ locked: true });
    expect(locked.isOnProbation).toBe(false);
    hide(locked);
    locked.observe({ kind: 'none' }, 1, BigInt(occludedSeconds + 1) * second);
    expect(table.room()).toBe(0);
    made(table, { author: 'person' });
    table.expire(BigInt(lostSeconds + 100) * second);
    table.removeUnseen([locked.id]);
    expect(ids(table)).toEqual([1, 2]);
    locked.change({ locked: false });
    table.expire(BigInt(lostSeconds + 100) * second);
    expect(ids(table)).toEqual([2]);
  });

  it('gives up automatic objects that have been lost too long', () => {
    const table = new ObjectTable('a', 5, 1);
    const objects = [made(table), made(table, { author: 'person' }), made(table)];
    for (const object of objects.slice(0, 2)) {
      hide(object);
      object.observe({ kind: 'none' }, 1, BigInt(occludedSeconds + 1) * second);
      expect(object.state).toBe('lost');
    }
    table.expire(BigInt(lostSeconds) * second);
    expect(ids(table)).toEqual([1, 2, 3]);
    table.expire(BigInt(lostSeconds) * second + 1n);
    expect(ids(table)).toEqual([2, 3]);
    expect(table.takeForgotten()).toEqual([1]);
  });
});
