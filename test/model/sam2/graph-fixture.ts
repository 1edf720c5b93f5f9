import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { GraphBuilder, type Precision, type WeightsFile } from '../../../src/model/graph/graph-builder.ts';
import { declareValue } from '../../../src/model/graph/graph-editor.ts';
import { fromHalf, toHalf } from '../../../src/model/graph/half-float.ts';
import { elementType } from '../../../src/model/graph/onnx-format.ts';
import type { Sam2Architecture } from '../../../src/model/sam2/architecture.ts';
import { readGolden } from './golden.ts';

/** A tensor of numbers whatever its element type in the graph. */
export interface TensorValue {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** What a graph is given. `activation` is float32 or float16 with the precision of the fixture. */
export interface Feed extends TensorValue {
  readonly type: 'activation' | 'float32' | 'int64' | 'uint8';
}

/** What a graph gave, of whatever type, as float32. */
export interface Result {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A feed of the precision of the fixture's weights; `shape` may reinterpret a tensor's values. */
export function activation(value: TensorValue, shape: readonly number[] = value.shape): Feed {
  return { type: 'activation', shape, data: value.data };
}

/** A float32 feed in every precision; `shape` defaults to a vector. */
export function singles(data: ArrayLike<number>, shape: readonly number[] = [data.length]): Feed {
  return { type: 'float32', shape, data };
}

/** An int64 feed; `shape` defaults to a vector. */
export function integers(data: ArrayLike<number>, shape: readonly number[] = [data.length]): Feed {
  return { type: 'int64', shape, data };
}

/** A uint8 feed. */
export function bytes(data: ArrayLike<number>, shape: readonly number[]): Feed {
  return { type: 'uint8', shape, data };
}

/** Numbers without a pattern, the same in every run, from -2 to 2. */
export function scattered(shape: readonly number[], seed: number): TensorValue {
  const size = shape.reduce((product, side) => product * side, 1);
  const data = Float32Array.from({ length: size }, (_, at) => Math.sin(at * 12.9898 + seed * 78.233) * 2);
  return { shape, data };
}

/** The small golden checkpoint. */
export const nano: Sam2Architecture = {
  family: 'nano',
  version: '2.1',
  trunk: { embedDimension: 16, heads: 1, stages: [1, 2, 3, 2], windows: [8, 4, 14, 7], globalBlocks: [5] },
  channels: 64,
  memoryChannels: 16,
  memories: 7,
  memoryLayers: 4,
  defaultImageSize: 256,
};

/** Channels last, as the graphs have their tokens: [batch, channels, rows, columns] -> [batch, rows * columns, channels]. */
export function toTokens({ shape, data }: TensorValue): Result {
  const [batch = 0, channels = 0, rows = 0, columns = 0] = shape;
  const count = rows * columns;
  const tokens = Float32Array.from({ length: batch * channels * count }, (_, at) => {
    const token = Math.floor(at / channels) % count;
    const picture = Math.floor(at / channels / count);
    return data[(picture * channels + (at % channels)) * count + token] as number;
  });
  return { shape: [batch, count, channels], data: tokens };
}

export interface FixtureOptions {
  /** Type of the weights in the file; float32 by default. */
  readonly precision?: Precision;
  /** The weights by key; those of the small golden checkpoint by default. */
  readonly weights?: ReadonlyMap<string, TensorValue>;
  /** Keys of weights to leave out, such as those that SAM 2.0 lacks. */
  readonly without?: readonly string[];
}

/** A folder with a weights file, in which graphs that use it are built and run. Remove it with `using`. */
export class GraphFixture implements Disposable {
  readonly weightsFile: WeightsFile;
  readonly folder: string;
  #graphs = 0;

  constructor({ precision = 'float32', weights, without = [] }: FixtureOptions = {}) {
    this.folder = mkdtempSync(join(tmpdir(), 'trackcast-graph-'));
    this.weightsFile = writeWeights(
      this.folder,
      weights ?? readGolden('nano').tensors,
      new Set(without),
      precision,
    );
  }

  get precision(): Precision {
    return this.weightsFile.precision;
  }

  /** Builds a graph whose inputs are declared as what is fed, runs it once and returns the named values. */
  async runPiece(
    feeds: Readonly<Record<string, Feed>>,
    build: (builder: GraphBuilder) => Readonly<Record<string, string>>,
  ): Promise<Record<string, Result>> {
    const builder = new GraphBuilder('piece', this.weightsFile);
    const outputs = Object.entries(build(builder)).map(([name, value]) => {
      builder.add('Cast', [value], { to: elementType.float32 }, name);
      return declareValue(name, elementType.float32);
    });
    const inputs = Object.entries(feeds).map(([name, feed]) =>
      declareValue(
        name,
        feed.type === 'activation' ? builder.activationType : elementType[feed.type],
        feed.shape,
      ),
    );
    return this.run(builder.finish(inputs, outputs), feeds);
  }

  /** Runs a graph once on the CPU and returns all of its outputs. */
  async run(
    graph: Uint8Array,
    feeds: Readonly<Record<string, Feed>>,
    options: InferenceSession.SessionOptions = {},
  ): Promise<Record<string, Result>> {
    const session = await this.open(graph, options);
    try {
      return await this.runSession(session, feeds);
    } finally {
      await session.release();
    }
  }

  /** Opens a graph from a file beside the weights; the caller releases the session. */
  async open(graph: Uint8Array, options: InferenceSession.SessionOptions = {}): Promise<InferenceSession> {
    const path = join(this.folder, `graph-${this.#graphs++}.onnx`);
    writeFileSync(path, graph);
    return InferenceSession.create(path, { intraOpNumThreads: 1, logSeverityLevel: 3, ...options });
  }

  /** Runs an opened graph and returns all of its outputs. */
  async runSession(
    session: InferenceSession,
    feeds: Readonly<Record<string, Feed>>,
  ): Promise<Record<string, Result>> {
    const tensors = Object.entries(feeds).map(([name, feed]) => [name, toTensor(feed, this.precision)]);
    const results = await session.run(Object.fromEntries(tensors));
    return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, fromTensor(tensor)]));
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function writeWeights(
  folder: string,
  tensors: ReadonlyMap<string, TensorValue>,
  without: ReadonlySet<string>,
  precision: Precision,
): WeightsFile {
  const location = 'weights.bin';
  const parts: Uint8Array[] = [];
  const weights = new Map<string, { shape: readonly number[]; offset: number; length: number }>();
  const stored = new Map<string, Float32Array | Uint16Array>();
  let offset = 0;
  for (const [key, { shape, data }] of tensors) {
    if (without.has(key)) continue;
    const values = precision === 'float32' ? Float32Array.from(data) : toHalf(data);
    stored.set(key, values);
    parts.push(new Uint8Array(values.buffer));
    weights.set(key, { shape, offset, length: values.byteLength });
    offset += values.byteLength;
  }
  writeFileSync(join(folder, location), Buffer.concat(parts));
  const readValues = (key: string) => {
    const values = stored.get(key);
    if (values === undefined) throw new Error(`the fixture has no weight ${key}`);
    return values instanceof Float32Array ? values : fromHalf(values);
  };
  return { location, precision, weights, readValues };
}

function toTensor({ type, shape, data }: Feed, precision: Precision): Tensor {
  if (type === 'int64') {
    const values = BigInt64Array.from(Array.from(data), (value) => BigInt(value));
    return new Tensor('int64', values, shape);
  }
  if (type === 'uint8') return new Tensor('uint8', Uint8Array.from(data), shape);
  if (type === 'activation' && precision === 'float16') return new Tensor('float16', toHalf(data), shape);
  return new Tensor('float32', Float32Array.from(data), shape);
}

function fromTensor({ dims, type, data }: Tensor): Result {
  if (type === 'string') throw new Error('graphs of strings are not read');
  if (type === 'float16') return { shape: dims, data: fromHalf(data as Uint16Array) };
  return { shape: dims, data: Float32Array.from(Array.from(data as ArrayLike<number | bigint>, Number)) };
}
