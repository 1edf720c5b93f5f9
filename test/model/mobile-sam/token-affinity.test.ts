import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type MemoryFrame,
  TokenAffinity,
  type TokenGrid,
} from '../../../src/model/mobile-sam/token-affinity.ts';

const channels = 256;
const parameters = { neighbours: 5, temperature: 0.05, windowRadius: 2 };

/** Deterministic tokens of length 1 with enough structure that neighbours differ clearly. */
function makeTokens(count: number, seed: number): Float32Array {
  const tokens = new Float32Array(count * channels);
  let state = seed >>> 0;
  for (let i = 0; i < tokens.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    tokens[i] = (state / 2 ** 32 - 0.5) * (i % channels < 12 ? 1 : 0.02);
  }
  for (let row = 0; row < count; row++) {
    const token = tokens.subarray(row * channels, (row + 1) * channels);
    const length = Math.hypot(...token);
    for (let i = 0; i < channels; i++) token[i] = (token[i] ?? 0) / length;
  }
  return tokens;
}

function makeValues(count: number, columns: number, seed: number): Float32Array {
  return Float32Array.from({ length: count * columns }, (_, i) => ((i * 7919 + seed * 104729) % 1000) / 1000);
}

/** The definition, written with loops. */
function carryByDefinition(query: TokenGrid, memory: readonly MemoryFrame[], columns: number): number[] {
  const carried: number[] = [];
  const grid = query.tokenRows * query.tokenColumns;
  for (let q = 0; q < grid; q++) {
    const votes: { cosine: number; values: Float32Array }[] = [];
    for (const { tokens, values, reach } of memory) {
      for (let m = 0; m < tokens.length / channels; m++) {
        const rowDistance = Math.abs(Math.floor(q / query.tokenColumns) - Math.floor(m / query.tokenColumns));
        const columnDistance = Math.abs((q % query.tokenColumns) - (m % query.tokenColumns));
        if (reach === 'window' && Math.max(rowDistance, columnDistance) > parameters.windowRadius) continue;
        let cosine = 0;
        for (let c = 0; c < channels; c++) {
          cosine += (query.tokens[q * channels + c] ?? 0) * (tokens[m * channels + c] ?? 0);
        }
        votes.push({ cosine, values: values.subarray(m * columns, (m + 1) * columns) });
      }
    }
    votes.sort((a, b) => b.cosine - a.cosine);
    const best = votes.slice(0, parameters.neighbours);
    const weights = best.map(({ cosine }) => Math.exp(cosine / parameters.temperature));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    for (let k = 0; k < columns; k++) {
      carried.push(
        best.reduce((total, { values }, i) => total + ((weights[i] ?? 0) / sum) * (values[k] ?? 0), 0),
      );
    }
  }
  return carried;
}

function expectClose(actual: Float32Array, expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - (actual[i] ?? NaN))), 0);
  expect(worst).toBeLessThan(1e-4);
}

describe('TokenAffinity', () => {
  let affinity: TokenAffinity;
  beforeAll(async () => {
    affinity = await TokenAffinity.create({ intraOpThreads: 1, ...parameters });
  });
  afterAll(() => affinity.dispose());

  it.each([
    ['memory that counts anywhere', ['anywhere', 'anywhere']],
    ['memory that counts near its place', ['window', 'window']],
    ['both kinds of memory', ['anywhere', 'window', 'window', 'anywhere']],
    ['a single frame', ['window']],
  ] as const)('agrees with the definition for %s', async (_, reaches) => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 9 }),
        fc.integer({ min: 2, max: 9 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 0, max: 2 ** 31 }),
        async (tokenRows, tokenColumns, columns, seed) => {
          const grid = tokenRows * tokenColumns;
          const query = { tokenRows, tokenColumns, tokens: makeTokens(grid, seed) };
          const memory = reaches.map((reach, i) => ({
            reach,
            tokens: makeTokens(grid, seed + i + 1),
            values: makeValues(grid, columns, i),
          }));
          expectClose(
            await affinity.carry(query, memory, columns),
            carryByDefinition(query, memory, columns),
          );
        },
      ),
      { numRuns: 15 },
    );
  });

  it('agrees with the definition when a picture needs several runs', async () => {
    const query = { tokenRows: 26, tokenColumns: 24, tokens: makeTokens(624, 1) };
    const memory = (['anywhere', 'window'] as const).map((reach, i) => ({
      reach,
      tokens: makeTokens(624, i + 2),
      values: makeValues(624, 3, i),
    }));
    expectClose(await affinity.carry(query, memory, 3), carryByDefinition(query, memory, 3));
  });

  it('lets all tokens vote when there are fewer than neighbours', async () => {
    const query = { tokenRows: 1, tokenColumns: 3, tokens: makeTokens(3, 1) };
    const memory = [{ reach: 'anywhere' as const, tokens: makeTokens(2, 2), values: Float32Array.of(0, 1) }];
    expectClose(await affinity.carry(query, memory, 1), carryByDefinition(query, memory, 1));
  });

  it('returns the remembered values for the remembered picture', async () => {
    const tokens = makeTokens(64, 9);
    const values = Float32Array.from({ length: 64 }, (_, i) => (i % 8 < 4 ? 1 : 0));
    const query = { tokenRows: 8, tokenColumns: 8, tokens };
    const carried = await affinity.carry(query, [{ reach: 'anywhere', tokens, values }], 1);
    expect(carried.every((value, i) => (values[i] === 1 ? value > 0.5 : value < 0.5))).toBe(true);
  });

  it.each([
    ['no memory', []],
    [
      'values that do not fit the tokens',
      [{ reach: 'anywhere', tokens: makeTokens(4, 1), values: new Float32Array(3) }],
    ],
    [
      'a window of another grid',
      [{ reach: 'window', tokens: makeTokens(3, 1), values: new Float32Array(3) }],
    ],
  ] as const)('refuses %s', async (_, memory) => {
    const query = { tokenRows: 2, tokenColumns: 2, tokens: makeTokens(4, 1) };
    await expect(affinity.carry(query, memory, 1)).rejects.toThrow(RangeError);
  });
});
