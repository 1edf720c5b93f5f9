import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  nextMove,
  type PlaceableStream,
  placeStreams,
} from '../../../src/tracker/scheduling/stream-placement.ts';

const device = fc.record({ speed: fc.constantFrom(0.5, 1, 2) });
const devices = fc
  .array(device, { minLength: 1, maxLength: 8 })
  .map((all) => all.map((item, at) => ({ ...item, id: `d${at}` })));
const streams = fc
  .array(
    fc.record({
      priority: fc.nat(2),
      load: fc.double({ min: 0.001, max: 1, noNaN: true }),
      deviceId: fc.option(fc.nat(9).map((at) => `d${at}`)),
    }),
    { maxLength: 60 },
  )
  .map((all) => all.map((item, at) => ({ ...item, id: `s${at}` })));

function times(
  all: readonly PlaceableStream[],
  on: ReadonlyMap<string, string>,
  speeds: ReadonlyMap<string, number>,
) {
  const result = new Map([...speeds.keys()].map((id) => [id, 0]));
  for (const { id, load } of all) {
    const at = on.get(id);
    if (at !== undefined) result.set(at, (result.get(at) ?? 0) + load / (speeds.get(at) ?? 1));
  }
  return result;
}

describe('placeStreams', () => {
  it('spreads streams by load and speed', () => {
    const loads = [5, 4, 3, 3, 3];
    const all = loads.map((load, at) => ({ id: `s${at}`, priority: 0, load, deviceId: null }));
    const even = [
      { id: 'a', speed: 1 },
      { id: 'b', speed: 1 },
    ];
    expect([...placeStreams(all, even).values()]).toEqual(['a', 'b', 'b', 'a', 'b']);
    const one = placeStreams(all.slice(0, 3), [even[0] ?? { id: 'a', speed: 1 }, { id: 'b', speed: 100 }]);
    expect(new Set(one.values())).toEqual(new Set(['b']));
  });

  it('places every stream and moves none from a device that is there', () => {
    fc.assert(
      fc.property(streams, devices, (all, there) => {
        const placed = placeStreams(all, there);
        const ids = new Set(there.map(({ id }) => id));
        for (const { id, deviceId } of all) {
          expect(ids.has(placed.get(id) ?? '')).toBe(true);
          if (deviceId !== null && ids.has(deviceId)) expect(placed.get(id)).toBe(deviceId);
        }
      }),
    );
  });

  it('fills no device further than needed: the last one placed had no better place', () => {
    fc.assert(
      fc.property(streams, devices, (all, there) => {
        const fresh = all.map((stream) => ({ ...stream, deviceId: null, priority: 0 }));
        const speeds = new Map(there.map(({ id, speed }) => [id, speed]));
        const done = times(fresh, placeStreams(fresh, there), speeds);
        const biggest = Math.max(0, ...fresh.map(({ load }) => load));
        const slowest = Math.min(...there.map(({ speed }) => speed));
        const spread = Math.max(...done.values()) - Math.min(...done.values());
        expect(spread).toBeLessThanOrEqual(biggest / slowest + 1e-9);
      }),
    );
  });

  it('spreads the streams of a lost device and leaves the others', () => {
    const all = Array.from({ length: 40 }, (_, at) => ({
      id: `s${at}`,
      priority: 0,
      load: 1,
      deviceId: `d${at % 4}`,
    }));
    const left = ['d0', 'd1', 'd3'].map((id) => ({ id, speed: 1 }));
    const done = times(all, placeStreams(all, left), new Map(left.map(({ id }) => [id, 1])));
    expect([...done.values()].sort()).toEqual([13, 13, 14]);
  });

  it('places nothing where there is no device', () => {
    expect(placeStreams([{ id: 'a', priority: 0, load: 1, deviceId: null }], []).size).toBe(0);
  });
});

describe('nextMove', () => {
  it('comes to an end, and each move relieves the busiest', () => {
    fc.assert(
      fc.property(streams, devices, (all, there) => {
        const speeds = new Map(there.map(({ id, speed }) => [id, speed]));
        const on = placeStreams(all, there);
        const peak = () => Math.max(...times(all, on, speeds).values());
        for (let moves = 0; moves <= 1000; moves++) {
          expect(moves).toBeLessThan(1000);
          const before = peak();
          const placed = all.map((stream) => ({ ...stream, deviceId: on.get(stream.id) ?? null }));
          const move = nextMove(placed, there);
          if (move === null) break;
          expect(on.get(move.streamId)).toBe(move.from);
          on.set(move.streamId, move.to);
          expect(peak()).toBeLessThanOrEqual(before + 1e-9);
        }
      }),
    );
  });

  it('fills a device that has come back', () => {
    const there = ['a', 'b'].map((id) => ({ id, speed: 1 }));
    let all: PlaceableStream[] = Array.from({ length: 20 }, (_, at) => ({
      id: `s${at}`,
      priority: 0,
      load: 1,
      deviceId: 'a',
    }));
    for (let move = nextMove(all, there); move !== null; move = nextMove(all, there)) {
      const { streamId, to } = move;
      all = all.map((stream) => (stream.id === streamId ? { ...stream, deviceId: to } : stream));
    }
    expect(all.filter(({ deviceId }) => deviceId === 'b').length).toBeGreaterThanOrEqual(9);
  });
});
