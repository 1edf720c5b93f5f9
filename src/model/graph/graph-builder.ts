import { TrackcastError } from '../../errors.ts';
import { type AttributeValue, GraphEditor } from './graph-editor.ts';
import { type ElementType, elementType, type ValueInfoProto } from './onnx-format.ts';
import { externalTensor, halfTensor, integerTensor } from './onnx-tensor.ts';

/** Type in which a graph computes, its weights included. */
export type Precision = 'float32' | 'float16';

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
  readonly #editor: GraphEditor;
  readonly #file: WeightsFile;
  readonly #used = new Set<string>();

  constructor(name: string, file: WeightsFile) {
    this.#editor = GraphEditor.create(name, operatorSet);
    this.#file = file;
    this.precision = file.precision;
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
    if (!this.#used.has(key)) {
      const bytes = { location: this.#file.location, offset, length };
      this.#editor.addInitializer(externalTensor(key, this.activationType, shape, bytes));
      this.#used.add(key);
    }
    return key;
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

  /** Declares inputs and outputs and writes the file, without what the outputs do not need. */
  finish(inputs: readonly ValueInfoProto[], outputs: readonly ValueInfoProto[]): Uint8Array<ArrayBuffer> {
    this.#editor.setInputs(inputs);
    this.#editor.setOutputs(outputs);
    return this.#editor.finish();
  }

  #weight(key: string): StoredWeight {
    const weight = this.#file.weights.get(key);
    if (weight !== undefined) return weight;
    throw new TrackcastError('TRACKCAST_MODEL_INVALID', `the checkpoint has no weight '${key}'`, { key });
  }
}
