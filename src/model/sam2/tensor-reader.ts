import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { TrackcastError } from '../../errors.ts';
import type { Precision } from '../graph/graph-builder.ts';
import type { Sam2Architecture, Sam2Geometry } from './architecture.ts';
import { maskCount } from './mask-decoder.ts';
import { requireActivations } from './require-size.ts';
import {
  type Activations,
  type DecodedObject,
  type MaskCandidates,
  masksPerClick,
  type ProposedMasks,
} from './sam2-runtime.ts';

/** Arrays of memories that wait to be used again, at most. */
const maxSpareMemories = 64;

/** Takes the parts of one object out of the outputs for a batch. What it returns is copied: outputs can be released. */
export class TensorReader {
  readonly #maskLength: number;
  readonly #memoryLength: number;
  readonly #channels: number;
  readonly #precision: Precision;
  readonly #spareMemories = new Set<Activations>();

  constructor(architecture: Sam2Architecture, { gridSize, maskSize }: Sam2Geometry, precision: Precision) {
    this.#maskLength = maskSize * maskSize;
    this.#memoryLength = gridSize * gridSize * architecture.memoryChannels;
    this.#channels = architecture.channels;
    this.#precision = precision;
  }

  /** Throws `TRACKCAST_INFERENCE_FAILED` when the graph gave no such output. */
  tensor(outputs: InferenceSession.ReturnType, name: string): Tensor {
    const tensor = outputs[name];
    if (tensor instanceof Tensor) return tensor;
    throw new TrackcastError('TRACKCAST_INFERENCE_FAILED', `the model gave no '${name}'`);
  }

  object(outputs: InferenceSession.ReturnType, at: number): DecodedObject {
    const [from, to] = [at * this.#maskLength, (at + 1) * this.#maskLength];
    const indices = this.tensor(outputs, 'mask_index').data;
    return {
      lowResMask: this.#floats(outputs, 'low_res_mask').slice(from, to),
      ious: this.#floats(outputs, 'ious').slice(at * maskCount, (at + 1) * maskCount),
      maskIndex: Number(indices[at]),
      objectScore: this.score(outputs, at),
      pointer: this.#activations(outputs, 'pointer').slice(at * this.#channels, (at + 1) * this.#channels),
    };
  }

  /** What the three multimask tokens say of one object. */
  candidates(outputs: InferenceSession.ReturnType, at: number): MaskCandidates {
    const first = at * maskCount + 1;
    const last = (at + 1) * maskCount;
    const masks = this.#floats(outputs, 'masks').slice(first * this.#maskLength, last * this.#maskLength);
    const values = this.#activations(outputs, 'mask_pointers');
    const pointers = values.slice(first * this.#channels, last * this.#channels);
    return { masks, pointers };
  }

  /** In an array that was recycled, if there is one. */
  memory(outputs: InferenceSession.ReturnType, at: number, name = 'memory'): Activations {
    const values = this.#activations(outputs, name);
    const [from, to] = [at * this.#memoryLength, (at + 1) * this.#memoryLength];
    const [spare] = this.#spareMemories;
    if (spare === undefined) return values.slice(from, to);
    this.#spareMemories.delete(spare);
    spare.set(values.subarray(from, to));
    return spare;
  }

  /**
   * Takes the array of a memory back; one that is back already makes no difference.
   *
   * @throws RangeError or TypeError for what is no memory of this model
   */
  recycle(memory: Activations): void {
    requireActivations(memory, this.#precision, this.#memoryLength, 'a memory');
    if (this.#spareMemories.size < maxSpareMemories) this.#spareMemories.add(memory);
  }

  score(outputs: InferenceSession.ReturnType, at: number): number {
    return this.#floats(outputs, 'object_score')[at] as number;
  }

  /** Room for what clicks propose. */
  noProposals(clicks: number): ProposedMasks {
    const masks = clicks * masksPerClick;
    const pointers = masks * this.#channels;
    return {
      masks: new Float32Array(masks * this.#maskLength),
      ious: new Float32Array(masks),
      objectScores: new Float32Array(clicks),
      pointers: this.#precision === 'float32' ? new Float32Array(pointers) : new Uint16Array(pointers),
    };
  }

  /** Copies what the three multimask tokens say of one prompt to the place of a click. */
  copyProposals(
    outputs: InferenceSession.ReturnType,
    at: number,
    { masks, ious, objectScores, pointers }: ProposedMasks,
    click: number,
  ): void {
    const [first, last] = [at * maskCount + 1, (at + 1) * maskCount];
    const of = <Values extends Activations>(values: Values, length: number) =>
      values.subarray(first * length, last * length);
    const to = click * masksPerClick;
    masks.set(of(this.#floats(outputs, 'masks'), this.#maskLength), to * this.#maskLength);
    ious.set(of(this.#floats(outputs, 'ious'), 1), to);
    pointers.set(of(this.#activations(outputs, 'mask_pointers'), this.#channels), to * this.#channels);
    objectScores[click] = this.score(outputs, at);
  }

  #activations(outputs: InferenceSession.ReturnType, name: string): Activations {
    const { type, data } = this.tensor(outputs, name);
    if (type === 'float32' && data instanceof Float32Array) return data;
    if (type === 'float16' && ArrayBuffer.isView(data)) {
      // Where JavaScript has half floats of its own, their bits are still what is wanted.
      return new Uint16Array(data.buffer, data.byteOffset, data.length);
    }
    throw new TrackcastError('TRACKCAST_INFERENCE_FAILED', `the model gave '${name}' in an unknown type`);
  }

  #floats(outputs: InferenceSession.ReturnType, name: string): Float32Array {
    const { data } = this.tensor(outputs, name);
    if (data instanceof Float32Array) return data;
    throw new TrackcastError('TRACKCAST_INFERENCE_FAILED', `the model gave '${name}' in an unknown type`);
  }
}

/** Lets go of every output of a run. */
export function release(outputs: InferenceSession.ReturnType): void {
  for (const tensor of Object.values(outputs)) if (tensor instanceof Tensor) tensor.dispose();
}
