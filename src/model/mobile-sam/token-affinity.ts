import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { TrackcastError } from '../../errors.ts';
import { createSession, type ExecutionProvider, parseExecutionProviders } from '../runtime.ts';
import { embeddingChannels } from './encoder-graph.ts';
import { type AffinityReach, buildTokenAffinityGraph } from './token-affinity-graph.ts';

export interface TokenAffinityOptions {
  readonly intraOpThreads: number;
  /** Tried in order; `['cpu']` by default, since the matrices are small. */
  readonly executionProviders?: readonly string[];
  /** Memory tokens that may vote for each token of the new frame; 20 by default. */
  readonly neighbours?: number;
  /** Of the softmax over their cosines; 0.05 by default. */
  readonly temperature?: number;
  /** Tokens, each way, within which frames of reach `window` count; 14 by default. */
  readonly windowRadius?: number;
}

/** Tokens of one picture, as the encoder gives them. */
export interface TokenGrid {
  readonly tokenRows: number;
  readonly tokenColumns: number;
  /** [tokenRows * tokenColumns, 256], each of length 1. */
  readonly tokens: Float32Array;
}

/** What is remembered of one frame. */
export interface MemoryFrame {
  /** [tokens, 256], each of length 1; the whole grid of the query's size where reach is `window`. */
  readonly tokens: Float32Array;
  /** [tokens, columns]: such as how much of each token each object covers. */
  readonly values: Float32Array;
  /** `window`: a recent frame, whose tokens only count near their place. */
  readonly reach: 'anywhere' | 'window';
}

/**
 * Queries per run. The similarity matrix of a whole picture would keep 130 MB; parts of it are as fast.
 */
const queriesPerRun = 512;

/** Added to cosines out of reach: at any sensible temperature their weight vanishes. */
const outOfReach = -4;

/** A list of arrays of one kind, joined into memory that is reused. */
class Slab {
  #memory = new Float32Array(0);

  join(parts: readonly Float32Array[]): Float32Array {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    if (this.#memory.length < length) this.#memory = new Float32Array(length);
    let offset = 0;
    for (const part of parts) {
      this.#memory.set(part, offset);
      offset += part.length;
    }
    return this.#memory.subarray(0, length);
  }
}

/**
 * Carries per-token values, such as soft masks of all objects at once, from remembered frames to a new one. See
 * `buildTokenAffinityGraph` for the rule. Runs block their thread: use it in a worker, one call at a time.
 */
export class TokenAffinity {
  readonly #options: {
    neighbours: number;
    temperature: number;
    windowRadius: number;
    intraOpThreads: number;
  };
  readonly #providers: readonly ExecutionProvider[];
  readonly #sessions = new Map<AffinityReach, InferenceSession>();
  readonly #slabs = {
    memory: new Slab(),
    values: new Slab(),
    windowMemory: new Slab(),
    windowValues: new Slab(),
  };
  #window: { key: string; values: Float32Array } | null = null;

  private constructor(options: TokenAffinityOptions) {
    const { neighbours = 20, temperature = 0.05, windowRadius = 14, intraOpThreads } = options;
    this.#options = { neighbours, temperature, windowRadius, intraOpThreads };
    this.#providers = parseExecutionProviders(options.executionProviders ?? ['cpu']);
  }

  /** Throws `TRACKCAST_CONFIG_INVALID` for unknown providers, `TRACKCAST_MODEL_INVALID` when none can run it. */
  static async create(options: TokenAffinityOptions): Promise<TokenAffinity> {
    const affinity = new TokenAffinity(options);
    await affinity.#session('both');
    return affinity;
  }

  /**
   * The values of `memory`, `columns` per token, at the tokens of `query`. Weights of a token add up to 1, so an
   * object that some frames know nothing of needs a second column that says where its values count.
   *
   * Returns [query tokens, columns], owned by the caller. Throws `RangeError` for no memory and for sizes that do
   * not fit, `TRACKCAST_INFERENCE_FAILED`.
   */
  async carry(query: TokenGrid, memory: readonly MemoryFrame[], columns: number): Promise<Float32Array> {
    checkSizes(query, memory, columns);
    const anywhere = memory.filter((frame) => frame.reach === 'anywhere');
    const windowed = memory.filter((frame) => frame.reach === 'window');
    const reach = windowed.length === 0 ? 'anywhere' : anywhere.length === 0 ? 'window' : 'both';
    const feeds: Record<string, Tensor> = {};
    if (anywhere.length > 0) {
      const tokens = this.#slabs.memory.join(anywhere.map((frame) => frame.tokens));
      const values = this.#slabs.values.join(anywhere.map((frame) => frame.values));
      feeds['memory'] = rows(tokens, embeddingChannels);
      feeds['values'] = rows(values, columns);
    }
    if (windowed.length > 0) {
      const tokens = this.#slabs.windowMemory.join(windowed.map((frame) => frame.tokens));
      const values = this.#slabs.windowValues.join(windowed.map((frame) => frame.values));
      feeds['window_memory'] = rows(tokens, embeddingChannels);
      feeds['window_values'] = rows(values, columns);
    }
    const session = await this.#session(reach);
    const grid = query.tokenRows * query.tokenColumns;
    const carried = new Float32Array(grid * columns);
    for (let first = 0; first < grid; first += queriesPerRun) {
      const end = Math.min(first + queriesPerRun, grid);
      const part = query.tokens.subarray(first * embeddingChannels, end * embeddingChannels);
      feeds['query'] = rows(part, embeddingChannels);
      if (windowed.length > 0) {
        feeds['window'] = rows(this.#windowOf(query).subarray(first * grid, end * grid), grid);
      }
      carried.set(await runPart(session, feeds), first * columns);
    }
    return carried;
  }

  /** Releases the sessions; the affinity must not be in use. */
  async dispose(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of sessions) await session.release();
  }

  async #session(reach: AffinityReach): Promise<InferenceSession> {
    const known = this.#sessions.get(reach);
    if (known) return known;
    const { session } = await createSession(buildTokenAffinityGraph(reach, this.#options), {
      name: `token affinity ${reach}`,
      executionProviders: this.#providers,
      intraOpThreads: this.#options.intraOpThreads,
    });
    this.#sessions.set(reach, session);
    return session;
  }

  #windowOf({ tokenRows, tokenColumns }: TokenGrid): Float32Array {
    const key = `${tokenRows}x${tokenColumns}`;
    if (this.#window?.key !== key) {
      this.#window = { key, values: reachWindow(tokenRows, tokenColumns, this.#options.windowRadius) };
    }
    return this.#window.values;
  }
}

/** [grid, grid]: 0 where two tokens are within `radius` of each other both ways, else `outOfReach`. */
function reachWindow(tokenRows: number, tokenColumns: number, radius: number): Float32Array {
  const grid = tokenRows * tokenColumns;
  const window = new Float32Array(grid * grid).fill(outOfReach);
  for (let from = 0; from < grid; from++) {
    const row = Math.floor(from / tokenColumns);
    const column = from % tokenColumns;
    const left = Math.max(0, column - radius);
    const right = Math.min(tokenColumns, column + radius + 1);
    for (let y = Math.max(0, row - radius); y < Math.min(tokenRows, row + radius + 1); y++) {
      const start = from * grid + y * tokenColumns;
      window.fill(0, start + left, start + right);
    }
  }
  return window;
}

function rows(data: Float32Array, columns: number): Tensor {
  return new Tensor('float32', data, [data.length / columns, columns]);
}

async function runPart(session: InferenceSession, feeds: Record<string, Tensor>): Promise<Float32Array> {
  try {
    const data = (await session.run(feeds))['carried']?.data;
    if (data instanceof Float32Array) return data;
  } catch (cause) {
    throw new TrackcastError('TRACKCAST_INFERENCE_FAILED', 'the token affinity failed', {}, { cause });
  }
  throw new TrackcastError('TRACKCAST_INFERENCE_FAILED', 'the token affinity gave no values');
}

function checkSizes(query: TokenGrid, memory: readonly MemoryFrame[], columns: number): void {
  const grid = query.tokenRows * query.tokenColumns;
  if (memory.length === 0 || columns < 1) throw new RangeError('there is nothing to carry');
  if (query.tokens.length !== grid * embeddingChannels) {
    throw new RangeError(`${query.tokens.length} values are no grid of ${grid} tokens`);
  }
  for (const { tokens, values, reach } of memory) {
    const count = tokens.length / embeddingChannels;
    if (!Number.isInteger(count) || count === 0 || values.length !== count * columns) {
      throw new RangeError(`${values.length} values do not fit ${count} tokens of ${columns} columns`);
    }
    if (reach === 'window' && count !== grid)
      throw new RangeError(`a window needs ${grid} tokens, not ${count}`);
  }
}
