import { TrackcastError } from '../../errors.ts';
import type { ExecutionProvider } from '../runtime.ts';
import { type AttributeValue, GraphEditor } from './graph-editor.ts';
import { type ElementType, elementType, type ValueInfoProto } from './onnx-format.ts';
import { externalTensor, halfTensor, integerTensor } from './onnx-tensor.ts';

/** Type in which a graph computes, its weights included. */
export type Precision = 'float32' | 'float16';
export const bytesPerValue: Readonly<Record<Precision, number>> = { float32: 4, float16: 2 };

/**
 * The execution provider that a graph is built for: each is quick, or right, with other operators. Any of them can run
 * graphs for another.
 */
export type GraphTarget = ExecutionProvider;

/** How a graph is built. */
export interface GraphOptions {
  /** The CPU by default. */
  readonly target?: GraphTarget;
}

/** One weight of a checkpoint, row-major and little-endian in the weights file. */
export interface StoredWeight {
  readonly shape: readonly number[];
  /** Bytes from the beginning of the file. */
  readonly offset: number;
  readonly length: number;
}

/** The file that holds the weights of a model's graphs, once for all of them. */
export interface WeightsFile {
  /** Name of the file; graphs lie in the same folder. */
  readonly location: string;
  /** Type of every weight. */
  readonly precision: Precision;
  readonly weights: ReadonlyMap<string, StoredWeight>;
  /** Values of one weight, for constants that are derived from it while a graph is built. */
  readonly readValues: (key: string) => Float32Array;
}

/** The operators of version 20 know `Gelu` and `LayerNormalization`. */
const operatorSet = 20;

/**
 * Builds a graph from small pieces. Values are names; a piece is a function that takes a builder, names of values
 * and the prefix of its weights' keys, adds nodes, and returns the name of its result. Activations and weights are of
 * the graph's precision, unless a piece says otherwise.
 */
export class GraphBuilder {
  readonly precision: Precision;
  readonly target: GraphTarget;
  readonly #name: string;
  readonly #editor: GraphEditor;
  readonly #file: WeightsFile;
  readonly #used = new Set<string>();
  /** The builder of the graph that this one is within. */
  readonly #outer: GraphBuilder | null;
  #innerGraphs = 0;

  /** @param outer builder of the graph that the new one is within, as `forEachSlice` makes them */
  constructor(
    name: string,
    file: WeightsFile,
    { target = 'cpu' }: GraphOptions = {},
    outer: GraphBuilder | null = null,
  ) {
    // A graph within another must not give a name twice.
    this.#editor = GraphEditor.create(name, operatorSet, outer === null ? undefined : name);
    this.#name = name;
    this.#file = file;
    this.#outer = outer;
    this.precision = file.precision;
    this.target = target;
  }

  /**
   * Whether wide layers should compute slice by slice, so that what lies between them stays in the processor's cache.
   * Other devices want large products, and so does half precision, which processors convert slice by slice.
   */
  get computesInSlices(): boolean {
    return this.target === 'cpu' && this.precision === 'float32';
  }

  /** Element type of activations, for declarations and casts. */
  get activationType(): ElementType {
    return elementType[this.precision];
  }

  /** Adds a node with one output and returns that; see `GraphEditor.add`. */
  add(
    opType: string,
    input: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    output?: string,
  ): string {
    return this.#editor.add(opType, input, attributes, output);
  }

  /** Adds a node with several outputs. */
  addMany(
    opType: string,
    input: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>>,
    count: number,
  ): string[] {
    return this.#editor.addNode(opType, input, attributes, this.#editor.freshNames(opType, count));
  }

  hasWeight(key: string): boolean {
    return this.#file.weights.has(key);
  }

  /** Throws `TRACKCAST_MODEL_INVALID` when there is no such weight. */
  weightShape(key: string): readonly number[] {
    return this.#weight(key).shape;
  }

  /** The numbers of a weight, row-major. Throws `TRACKCAST_MODEL_INVALID` when there is no such weight. */
  weightValues(key: string): Float32Array {
    this.#weight(key);
    return this.#file.readValues(key);
  }

  /** The value of a checkpoint's weight. Throws `TRACKCAST_MODEL_INVALID` when there is no such weight. */
  weight(key: string): string {
    const { shape, offset, length } = this.#weight(key);
    return this.#external(key, shape, offset, length);
  }

  /**
   * Rows `first` to `end`, exclusive, along the first axis of a checkpoint's weight, where they lie in its file.
   *
   * @param shape under which the rows are seen, by default that of so many rows
   * @throws TrackcastError TRACKCAST_MODEL_INVALID when there is no such weight
   * @throws RangeError for rows that it does not have, or a shape that they do not fill
   */
  weightRows(key: string, first: number, end: number, shape?: readonly number[]): string {
    const stored = this.#weight(key);
    const [rows = 0, ...row] = stored.shape;
    const seen = shape ?? [end - first, ...row];
    const values = row.reduce((product, size) => product * size, end - first);
    if (!(0 <= first && first < end && end <= rows) || values !== seen.reduce((a, b) => a * b, 1)) {
      throw new RangeError(`rows ${first} to ${end} of '${key}' are no tensor of [${seen.join(', ')}]`);
    }
    const rowLength = stored.length / rows;
    const name = `${key}[${first}:${end}]${shape ? `(${shape.join(',')})` : ''}`;
    return this.#external(name, seen, stored.offset + first * rowLength, (end - first) * rowLength);
  }

  /** A constant in the graph's precision. `shape` defaults to a vector. */
  floats(values: ArrayLike<number>, shape: readonly number[] = [values.length]): string {
    if (this.precision === 'float32') return this.#editor.addFloats(values, shape);
    const [name = ''] = this.#editor.freshNames('halves', 1);
    return this.#editor.addInitializer(halfTensor(name, shape, values));
  }

  /** A constant that is float32 in every precision. */
  singles(values: ArrayLike<number>, shape: readonly number[] = [values.length]): string {
    return this.#editor.addFloats(values, shape);
  }

  /** An int64 constant. `shape` defaults to a vector; give `[]` for a scalar. */
  integers(values: readonly number[], shape: readonly number[] = [values.length]): string {
    const [name = ''] = this.#editor.freshNames('integers', 1);
    return this.#editor.addInitializer(integerTensor(name, shape, values));
  }

  /** A value of the graph's precision as float32. */
  toSingle(value: string): string {
    return this.precision === 'float32' ? value : this.add('Cast', [value], { to: elementType.float32 });
  }

  /** A float32 value in the graph's precision. */
  fromSingle(value: string, output?: string): string {
    if (this.precision !== 'float32') return this.add('Cast', [value], { to: this.activationType }, output);
    return output === undefined ? value : this.add('Identity', [value], {}, output);
  }

  reshape(value: string, shape: readonly number[]): string {
    return this.add('Reshape', [value, this.integers(shape)]);
  }

  transpose(value: string, permutation: readonly number[]): string {
    return this.add('Transpose', [value], { perm: permutation });
  }

  /** Gives a result the name under which it leaves the graph. */
  name(value: string, output: string): string {
    return this.add('Identity', [value], {}, output);
  }

  /**
   * Computes one slice after the other along the first axis, so that what lies between a slice and its result stays
   * in the processor's cache, and stacks the results likewise.
   *
   * @param sequences values with as many slices each
   * @param build adds to the inner graph what makes results of one slice of each sequence; of the outer graph, it can
   * use weights only
   * @returns one value per result
   */
  forEachSlice(
    sequences: readonly string[],
    build: (inner: GraphBuilder, slices: readonly string[]) => readonly string[],
  ): string[] {
    const name = `${this.#outer === null ? '' : `${this.#name}_`}slice${this.#innerGraphs++}`;
    const inner = new GraphBuilder(name, this.#file, { target: this.target }, this);
    const slices = sequences.map((_, index) => `${name}_input${index}`);
    const results = build(inner, slices);
    inner.#editor.setInputs(slices.map(undeclared));
    inner.#editor.setOutputs(results.map(undeclared));
    const body = { graph: inner.#editor.finishInner(inner.#used) };
    const attributes = { num_scan_inputs: sequences.length, body };
    const outputs = this.#editor.freshNames('Scan', results.length);
    return this.#editor.addNode('Scan', sequences, attributes, outputs, [...inner.#used]);
  }

  /** Declares inputs and outputs and writes the file, without what the outputs do not need. */
  finish(inputs: readonly ValueInfoProto[], outputs: readonly ValueInfoProto[]): Uint8Array<ArrayBuffer> {
    this.#editor.setInputs(inputs);
    this.#editor.setOutputs(outputs);
    return this.#editor.finish();
  }

  #external(name: string, shape: readonly number[], offset: number, length: number): string {
    if (this.#used.has(name)) return name;
    this.#used.add(name);
    if (this.#outer !== null) return this.#outer.#external(name, shape, offset, length);
    const bytes = { location: this.#file.location, offset, length };
    return this.#editor.addInitializer(externalTensor(name, this.activationType, shape, bytes));
  }

  #weight(key: string): StoredWeight {
    const weight = this.#file.weights.get(key);
    if (weight !== undefined) return weight;
    throw new TrackcastError('TRACKCAST_MODEL_INVALID', `the checkpoint has no weight '${key}'`, { key });
  }
}

/** An input or output of an inner graph, whose type follows from the outer one. */
function undeclared(name: string): ValueInfoProto {
  return { name, type: null };
}
