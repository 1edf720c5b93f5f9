import { describe, expect, it } from 'vitest';
import { axialRotationAngles, rotationConstants } from '../../../src/model/graph/pieces/axial-rope.ts';
import {
  buildMemoryAttention,
  type MemoryAttentionOptions,
} from '../../../src/model/sam2/memory-attention-graph.ts';
import {
  addSelfAttention,
  attendToMemories,
  finishLayer,
  memoryQueries,
} from '../../../src/model/sam2/memory-attention-layer.ts';
import { memoryAttentionStart } from '../../../src/model/sam2/memory-attention-start.ts';
import { memoryTokens } from '../../../src/model/sam2/memory-tokens.ts';
import { atolOf, expectClose, goldenEntry, hasGoldens, readGolden } from './golden.ts';
import {
  activation,
  type Feed,
  GraphFixture,
  integers,
  nano,
  type Result,
  singles,
  type TensorValue,
} from './graph-fixture.ts';

const file = 'mod_memory_attention';
const cases = ['case1', 'case3', 'full'] as const;
const { channels, memoryChannels, memoryLayers } = nano;
/** Of the golden vectors: side of the input in pixels, and of its grid of tokens. */
const [imageSize, gridSize] = [256, 16];
const tokens = gridSize * gridSize;

/** One memory or pointer as the golden vectors list them: its tokens, and its row or time. */
interface Slot {
  readonly data: Float32Array;
  readonly at: number;
}

/** What one object attends to. */
interface Bank {
  readonly memories: readonly Slot[];
  readonly pointers: readonly Slot[];
}

type Places = readonly (readonly [frame: number, at: number])[];

function goldenBank(name: string): Bank {
  const { [name]: found } = goldenEntry(file)['cases'] as Record<
    string,
    { trace: { mem: Places; ptr: Places } }
  >;
  if (found === undefined) throw new Error(`the golden vectors have no ${name}`);
  const memory = readGolden(file).floats(`${name}.memory`);
  const slots = (places: Places, from: number, length: number) =>
    places.map(([, at], slot) => ({
      at,
      data: memory.subarray(from + slot * length, from + (slot + 1) * length),
    }));
  const { mem, ptr } = found.trace;
  const length = tokens * memoryChannels;
  return { memories: slots(mem, 0, length), pointers: slots(ptr, mem.length * length, channels) };
}

/**
 * Feeds for a batch of objects. Shorter banks are padded with `garbage`.
 *
 * @param start what the image encoder leaves, all frames
 */
function feedsFor(
  banks: readonly Bank[],
  start: Feed,
  { frames = banks.map(() => 0), garbage = 0 }: { frames?: readonly number[]; garbage?: number } = {},
): Record<string, Feed> {
  const stack = (list: (bank: Bank) => readonly Slot[], length: number) => {
    const count = Math.max(...banks.map((bank) => list(bank).length));
    const data = new Float32Array(banks.length * count * length);
    for (let at = 0; at < data.length; at++) data[at] = garbage * Math.sin(at);
    const ats = new Float32Array(banks.length * count);
    const valid = new Float32Array(banks.length * count);
    banks.forEach((bank, object) => {
      list(bank).forEach((slot, index) => {
        const place = object * count + index;
        data.set(slot.data, place * length);
        ats[place] = slot.at;
        valid[place] = 1;
      });
    });
    return { data, ats, valid, shape: [banks.length, count] };
  };
  const memory = stack((bank) => bank.memories, tokens * memoryChannels);
  const pointer = stack((bank) => bank.pointers, channels);
  return {
    attention_start: start,
    frame_of_object: integers(frames),
    memory: activation({ shape: [...memory.shape, tokens, memoryChannels], data: memory.data }),
    memory_rows: integers(memory.ats, memory.shape),
    memory_valid: singles(memory.valid, memory.shape),
    pointers: activation({ shape: [...pointer.shape, channels], data: pointer.data }),
    pointer_times: singles(pointer.ats, pointer.shape),
    pointer_valid: singles(pointer.valid, pointer.shape),
  };
}

/** What the image encoder leaves for memory attention of one golden case, or of several as frames of a batch. */
async function startOf(fixture: GraphFixture, names: readonly string[]): Promise<Feed> {
  const data = names.flatMap((name) => [...readGolden(file).floats(`${name}.curr`)]);
  const features = activation({ shape: [names.length, tokens, channels], data });
  const { start } = await fixture.runPiece({ features }, (builder) => ({
    start: memoryAttentionStart(builder, 'features', gridSize),
  }));
  if (start === undefined) throw new Error('no start');
  return activation(start);
}

async function condition(
  fixture: GraphFixture,
  feeds: Record<string, Feed>,
  options: MemoryAttentionOptions = {},
): Promise<Result> {
  const graph = buildMemoryAttention(fixture.weightsFile, nano, imageSize, options);
  const { conditioned } = await fixture.run(graph, feeds);
  if (conditioned === undefined) throw new Error('the graph gave nothing');
  return conditioned;
}

/** One object's part of a batch's result. */
function objectOf({ data, shape: [objects = 1] }: Result, object: number): Float32Array {
  const length = data.length / objects;
  return data.subarray(object * length, (object + 1) * length);
}

function largest(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

describe.skipIf(!hasGoldens)('memory attention against the golden vectors', () => {
  it.each(cases)('conditions %s as published', async (name) => {
    using fixture = new GraphFixture();
    const result = await condition(fixture, feedsFor([goldenBank(name)], await startOf(fixture, [name])));
    expect(result.shape).toEqual([1, tokens, channels]);
    expectClose(result.data, readGolden(file).get(`${name}.out`), atolOf(file, `${name}.out`), name);
  });

  it.each(cases)('agrees after each layer of %s', async (name) => {
    using fixture = new GraphFixture();
    const feeds = feedsFor([goldenBank(name)], await startOf(fixture, [name]));
    const layers = await fixture.runPiece(feeds, (builder) => {
      const rotation = rotationConstants(builder, axialRotationAngles(channels, gridSize));
      const memory = memoryTokens(builder, nano, gridSize, 1);
      let x = 'attention_start';
      const outputs: Record<string, string> = {};
      for (let layer = 0; layer < memoryLayers; layer++) {
        const prefix = `memory_attention.layers.${layer}`;
        if (layer > 0) x = addSelfAttention(builder, x, prefix, rotation, tokens);
        const queries = memoryQueries(builder, x, prefix, rotation, memory.extra);
        const attended = attendToMemories(builder, queries, memory, prefix, tokens);
        x = finishLayer(builder, x, attended, prefix, tokens);
        outputs[`layer${layer}`] = x;
      }
      return outputs;
    });
    for (const [layer, { data }] of Object.entries(layers)) {
      const what = `${name}.${layer}`;
      expectClose(data, readGolden(file).get(what), atolOf(file, what), what);
    }
  });
});

const banks = hasGoldens ? cases.map(goldenBank) : [];

describe.skipIf(!hasGoldens)('memory attention for many objects', () => {
  it.each([0, 1, 1e3])(
    'lets slots that do not count have no influence, whatever is in them (%d)',
    async (garbage) => {
      using fixture = new GraphFixture();
      const start = await startOf(fixture, ['full']);
      const together = await condition(fixture, feedsFor(banks, start, { garbage }));
      for (const [object, bank] of banks.entries()) {
        const alone = await condition(fixture, feedsFor([bank], start));
        const atol = 1e-5 * largest(alone.data);
        expectClose(objectOf(together, object), alone.data, atol, `object ${object}`);
      }
    },
  );

  it('lets each object look at its own frame', async () => {
    using fixture = new GraphFixture();
    const frames = [1, 0, 1];
    const together = await condition(
      fixture,
      feedsFor(banks, await startOf(fixture, ['case1', 'full']), { frames }),
    );
    for (const [object, bank] of banks.entries()) {
      const start = await startOf(fixture, [frames[object] === 0 ? 'case1' : 'full']);
      const alone = await condition(fixture, feedsFor([bank], start));
      expectClose(objectOf(together, object), alone.data, 1e-5 * largest(alone.data), `object ${object}`);
    }
  });

  it('does not depend on the order of slots', async () => {
    using fixture = new GraphFixture();
    const start = await startOf(fixture, ['full']);
    const { memories, pointers } = goldenBank('full');
    const forth = await condition(fixture, feedsFor([{ memories, pointers }], start));
    const bank = { memories: memories.toReversed(), pointers: pointers.toReversed() };
    const back = await condition(fixture, feedsFor([bank], start));
    expectClose(back.data, forth.data, 1e-5 * largest(forth.data), 'reversed');
  });

  it('depends on the row of a memory and the time of a pointer', async () => {
    using fixture = new GraphFixture();
    const start = await startOf(fixture, ['case3']);
    const { memories, pointers } = goldenBank('case3');
    const shift = (slots: readonly Slot[]) => slots.map((slot) => ({ ...slot, at: 6 - slot.at }));
    const { data } = await condition(fixture, feedsFor([{ memories, pointers }], start));
    for (const bank of [
      { memories: shift(memories), pointers },
      { memories, pointers: shift(pointers) },
    ]) {
      const shifted = await condition(fixture, feedsFor([bank], start));
      expect(largest(shifted.data.map((value, at) => value - (data[at] ?? 0)))).toBeGreaterThan(1e-3);
    }
  });
});

describe.skipIf(!hasGoldens)('memory attention with pooled memories', () => {
  it('counts a pooled token as often as the cells that it stands for', async () => {
    // With keys of zero all tokens count the same, so that nothing but their number and their mean matters.
    const weights = new Map<string, TensorValue>(readGolden('nano').tensors);
    for (const [key, { shape, data }] of weights) {
      if (key.includes('cross_attn_image.k_proj'))
        weights.set(key, { shape, data: new Float32Array(data.length) });
    }
    using fixture = new GraphFixture({ weights });
    const feeds = feedsFor(banks, await startOf(fixture, ['full']), { garbage: 1e3 });
    const whole = await condition(fixture, feeds);
    const pooled = await condition(fixture, feeds, { memoryPooling: 2 });
    expectClose(pooled.data, whole.data, 1e-5 * largest(whole.data), 'pooled');
  });

  it('stays near the published result', async () => {
    using fixture = new GraphFixture();
    const feeds = feedsFor([goldenBank('full')], await startOf(fixture, ['full']));
    const { data } = await condition(fixture, feeds, { memoryPooling: 2 });
    const published = readGolden(file).floats('full.out');
    const differences = data.map((value, at) => (value - (published[at] ?? 0)) ** 2);
    const meanSquare = differences.reduce((sum, square) => sum + square, 0) / data.length;
    // With the rotation of unpooled tokens it would be 0.53.
    expect(Math.sqrt(meanSquare)).toBeLessThan(0.45);
  });
});

describe.skipIf(!hasGoldens)('memory attention of other models', () => {
  it('tells pointers no time where the checkpoint has no projection for it', async () => {
    using fixture = new GraphFixture({ without: ['obj_ptr_tpos_proj.weight', 'obj_ptr_tpos_proj.bias'] });
    const start = await startOf(fixture, ['case3']);
    const { memories, pointers } = goldenBank('case3');
    const timed = await condition(fixture, feedsFor([{ memories, pointers }], start));
    const timeless = pointers.map(({ data }) => ({ data, at: 0 }));
    const untimed = await condition(fixture, feedsFor([{ memories, pointers: timeless }], start));
    expect(timed.data).toEqual(untimed.data);
    expectClose(timed.data, readGolden(file).get('case3.out'), 1, 'without times');
  });

  it('computes nearly the same in half precision', async () => {
    using single = new GraphFixture();
    using half = new GraphFixture({ precision: 'float16' });
    const feeds = feedsFor(banks, await startOf(single, ['full']), { garbage: 1e3 });
    const expected = await condition(single, feeds);
    const { data } = await condition(half, feeds);
    expectClose(data, expected.data, 0.05, 'in half precision');
  });

  it('passes grids of any size through in slices', async () => {
    using single = new GraphFixture();
    using half = new GraphFixture({ precision: 'float16' });
    const grid = 18;
    const wave = (shape: readonly number[], step: number) => {
      const length = shape.reduce((product, size) => product * size, 1);
      return activation({ shape, data: Float32Array.from({ length }, (_, at) => 2 * Math.sin(at * step)) });
    };
    const feeds = {
      attention_start: wave([1, grid ** 2, channels], 0.7),
      frame_of_object: integers([0, 0]),
      memory: wave([2, 1, grid ** 2, memoryChannels], 1.3),
      memory_rows: integers([6, 0], [2, 1]),
      memory_valid: singles([1, 1], [2, 1]),
      pointers: wave([2, 1, channels], 0.9),
      pointer_times: singles([0.1, 0.2], [2, 1]),
      pointer_valid: singles([1, 1], [2, 1]),
    };
    // Slices are for processors; half precision goes without.
    const [sliced, whole] = await Promise.all(
      [single, half].map((fixture) =>
        fixture.run(buildMemoryAttention(fixture.weightsFile, nano, 16 * grid), feeds),
      ),
    );
    expectClose(sliced?.['conditioned']?.data ?? [], whole?.['conditioned']?.data ?? [], 0.05, 'in slices');
  });
});
