import { TrackcastError } from '../../errors.ts';
import { sortToOutputs } from './graph-order.ts';
import {
  type AttributeProto,
  attributeType,
  type ElementType,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  readModel,
  type TensorProto,
  type ValueInfoProto,
  writeModel,
} from './onnx-format.ts';
import { floatTensor, integerTensor, tensorIntegers } from './onnx-tensor.ts';

/** Attribute values of a new node; whole numbers become integers, so write floats as `{ float: 1 }`. */
export type AttributeValue =
  | number
  | readonly number[]
  | { readonly float: number }
  | { readonly text: string }
  | { readonly graph: GraphProto };

const defaultPrefix = 'trackcast';

/** A size, or the name of a size that is known only at run time. */
export type Dimension = number | string;

/**
 * Edits an ONNX graph by name. Edits may come in any order and leave dead nodes behind: `finish` keeps what the
 * outputs need, in an order that respects their dependencies.
 *
 * Every method throws `TRACKCAST_MODEL_INVALID` when the graph is not what the edit expects.
 */
export class GraphEditor {
  readonly #model: ModelProto;
  readonly #graph: GraphProto;
  readonly #nodes: NodeProto[];
  readonly #initializers: TensorProto[];
  readonly #nodeByName = new Map<string, NodeProto>();
  readonly #producers = new Map<string, NodeProto>();
  readonly #constants = new Map<string, TensorProto>();
  /** Values of this graph that graphs within a node read. */
  readonly #innerReads = new Map<NodeProto, readonly string[]>();
  readonly #namePrefix: string;
  readonly #isNew: boolean;
  #created = 0;

  private constructor(model: ModelProto, namePrefix: string) {
    this.#model = model;
    this.#namePrefix = namePrefix;
    this.#isNew = model.graph.node.length === 0;
    this.#graph = model.graph;
    this.#nodes = [...this.#graph.node];
    this.#initializers = [...this.#graph.initializer];
    for (const node of this.#nodes) {
      if (node.attribute.some((attribute) => attribute.g || (attribute.graphs?.length ?? 0) > 0)) {
        throw this.#unexpected(`node '${node.name}' contains a graph, which cannot be edited`);
      }
      this.#index(node);
    }
    for (const tensor of this.#initializers) this.#constants.set(tensor.name, tensor);
  }

  /** Opens an ONNX file for editing; `name` is for error messages. `bytes` must stay unchanged until `finish`. */
  static open(bytes: Uint8Array, name: string): GraphEditor {
    return new GraphEditor(readModel(bytes, name), defaultPrefix);
  }

  /**
   * Begins a new graph on ONNX IR 8 with the given version of the standard operators. Fresh names begin with
   * `namePrefix`: a graph within another must not give a name twice.
   */
  static create(name: string, operatorSet: number, namePrefix: string = defaultPrefix): GraphEditor {
    const graph = { name, node: [], initializer: [], input: [], output: [], valueInfo: [] };
    const opsetImport = [
      { domain: '', version: operatorSet },
      // ONNX Runtime's own operators, of which only one version exists.
      { domain: 'com.microsoft', version: 1 },
    ];
    return new GraphEditor({ irVersion: 8, graph, opsetImport }, namePrefix);
  }

  hasNode(name: string): boolean {
    return this.#nodeByName.has(name);
  }

  /** The node with that name, which must be of that operator. */
  node(name: string, opType: string): NodeProto {
    const node = this.#nodeByName.get(name);
    if (node?.opType !== opType) {
      throw this.#unexpected(`node '${name}' is ${node ? `a ${node.opType}` : 'absent'}, not a ${opType}`);
    }
    return node;
  }

  /** Values of an int64 constant: an initializer or the output of a Constant node. */
  constantIntegers(value: string): number[] {
    const initializer = this.#constants.get(value);
    if (initializer) return tensorIntegers(initializer);
    const producer = this.#producers.get(value);
    const tensor = producer?.opType === 'Constant' ? producer.attribute[0]?.t : undefined;
    if (!tensor) throw this.#unexpected(`value '${value}' is no constant`);
    return tensorIntegers(tensor);
  }

  /** Adds an int64 constant and returns the name of its value. `shape` defaults to a vector. */
  addIntegers(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.addInitializer(integerTensor(this.#freshName('integers'), shape, values));
  }

  /** Adds a float32 constant and returns the name of its value. `shape` defaults to a vector. */
  addFloats(values: ArrayLike<number>, shape: readonly number[] = [values.length]): string {
    return this.addInitializer(floatTensor(this.#freshName('floats'), shape, values));
  }

  /** Adds a constant under its own name, which it returns. */
  addInitializer(tensor: TensorProto): string {
    if (this.#constants.has(tensor.name) || this.#producers.has(tensor.name)) {
      throw this.#unexpected(`value '${tensor.name}' exists twice`);
    }
    this.#constants.set(tensor.name, tensor);
    this.#initializers.push(tensor);
    return tensor.name;
  }

  /**
   * Adds a node and returns its outputs. `outputs` names them; by default there is one with a fresh name.
   *
   * @param opType a standard operator, or one of another set as `com.microsoft:MultiHeadAttention`
   * @param innerReads values that a graph among the attributes reads
   */
  addNode(
    opType: string,
    input: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    outputs: readonly string[] = [this.#freshName(nameOf(opType))],
    innerReads: readonly string[] = [],
  ): string[] {
    const attribute = Object.entries(attributes).map(([name, value]) => describeAttribute(name, value));
    const node: NodeProto = {
      name: this.#freshName(`${nameOf(opType)}_node`),
      ...operatorOf(opType),
      input: [...input],
      output: [...outputs],
      attribute,
    };
    this.#index(node);
    this.#nodes.push(node);
    if (innerReads.length > 0) this.#innerReads.set(node, innerReads);
    return node.output;
  }

  /** Adds a node with one output and returns that. */
  add(
    opType: string,
    input: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    output: string = this.#freshName(nameOf(opType)),
  ): string {
    this.addNode(opType, input, attributes, [output]);
    return output;
  }

  /** Names that no value has yet. */
  freshNames(stem: string, count: number): string[] {
    return Array.from({ length: count }, () => this.#freshName(nameOf(stem)));
  }

  /** Makes a node read `value` as its input number `index`, which it must have. */
  replaceInput(node: NodeProto, index: number, value: string): void {
    if (index >= node.input.length) throw this.#unexpected(`node '${node.name}' has no input ${index}`);
    node.input[index] = value;
  }

  /** Makes every node that reads `from` read `to` instead. */
  redirect(from: string, to: string): void {
    let readers = 0;
    for (const node of this.#nodes) {
      for (const [index, value] of node.input.entries()) {
        if (value !== from) continue;
        node.input[index] = to;
        readers++;
      }
    }
    if (readers === 0) throw this.#unexpected(`nothing reads value '${from}'`);
  }

  /** Renames a value that a node produces, for its readers too. */
  renameValue(from: string, to: string): void {
    const producer = this.#producers.get(from);
    if (!producer) throw this.#unexpected(`nothing produces value '${from}'`);
    if (this.#producers.has(to) || this.#constants.has(to)) {
      throw this.#unexpected(`value '${to}' exists twice`);
    }
    producer.output = producer.output.map((value) => (value === from ? to : value));
    this.#producers.delete(from);
    this.#producers.set(to, producer);
    for (const node of this.#nodes) node.input = node.input.map((value) => (value === from ? to : value));
  }

  /** Declares all inputs of the graph, replacing those it had. */
  setInputs(inputs: readonly ValueInfoProto[]): void {
    this.#graph.input = inputs;
  }

  /** Declares all outputs of the graph, replacing those it had. */
  setOutputs(outputs: readonly ValueInfoProto[]): void {
    this.#graph.output = outputs;
  }

  /** Drops what the outputs do not need and writes the file. The editor must not be used afterwards. */
  finish(): Uint8Array<ArrayBuffer> {
    this.#keepNeeded();
    return writeModel(this.#model);
  }

  /**
   * Like `finish`, for a graph within a node of another.
   *
   * @param outerReads values of the other graph that this one reads
   */
  finishInner(outerReads: Iterable<string>): GraphProto {
    this.#keepNeeded(outerReads);
    return this.#graph;
  }

  #keepNeeded(outerReads: Iterable<string> = []): void {
    // Only in a graph that was made here: one that is cut open reads values which it used to compute.
    const both = this.#isNew ? this.#graph.input.find(({ name }) => this.#producers.has(name)) : undefined;
    if (both !== undefined) throw this.#unexpected(`value '${both.name}' is given and computed`);
    const sorted = sortToOutputs(
      this.#graph.output.map((output) => output.name),
      [...this.#graph.input.map((input) => input.name), ...outerReads],
      this.#producers,
      this.#constants,
      (node) => [...node.input, ...(this.#innerReads.get(node) ?? [])],
    );
    this.#graph.node = sorted.nodes;
    this.#graph.initializer = this.#initializers.filter((tensor) => sorted.constants.has(tensor.name));
    // Shapes that were inferred before the edits would contradict those inferred after them.
    this.#graph.valueInfo = [];
  }

  #index(node: NodeProto): void {
    if (node.name !== '') this.#nodeByName.set(node.name, node);
    for (const value of node.output) {
      if (value === '') continue;
      if (this.#producers.has(value)) throw this.#unexpected(`value '${value}' exists twice`);
      this.#producers.set(value, node);
    }
  }

  #freshName(stem: string): string {
    return `${this.#namePrefix}_${stem}_${this.#created++}`;
  }

  #unexpected(reason: string): TrackcastError {
    return new TrackcastError('TRACKCAST_MODEL_INVALID', `unexpected graph: ${reason}`, {
      key: this.#graph.name,
    });
  }
}

/** Declares an input or output; without `shape`, nothing is promised about it. */
export function declareValue(
  name: string,
  elemType: ElementType,
  shape?: readonly Dimension[],
): ValueInfoProto {
  const dim = shape?.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType, ...(dim ? { shape: { dim } } : {}) } } };
}

function operatorOf(opType: string): Pick<NodeProto, 'opType' | 'domain'> {
  const colon = opType.indexOf(':');
  if (colon < 0) return { opType };
  return { opType: opType.slice(colon + 1), domain: opType.slice(0, colon) };
}

function nameOf(opType: string): string {
  return operatorOf(opType).opType;
}

function describeAttribute(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === 'number') return { name, type: attributeType.integer, i: value };
  if ('graph' in value) return { name, type: attributeType.graph, g: value.graph };
  if ('float' in value) return { name, type: attributeType.float, f: value.float };
  if ('text' in value) return { name, type: attributeType.string, s: Buffer.from(value.text) };
  return { name, type: attributeType.integers, ints: value };
}
