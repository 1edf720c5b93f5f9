import { Tensor } from 'onnxruntime-node';
import { requireSize } from './require-size.ts';
import type { ObjectMemory, PromptRequest, SparsePrompt } from './sam2-runtime.ts';

/** Label of a point that is none: the prompt encoder wants one after all others. */
const noPointLabel = -1;
const positiveLabel = 1;
/** That of a box's second corner. */
const lastLabel = 3;

/** A value for every object of a run. */
export function scalar(value: number): Tensor {
  return new Tensor('float32', Float32Array.of(value), [1]);
}

/**
 * Points of prompts, equally many each, with the padding point that ends every prompt.
 *
 * @throws RangeError for another number of points than labels, and for labels that there are not
 */
export function paddedPoints(prompts: readonly SparsePrompt[]): { points: Tensor; labels: Tensor } {
  const count = prompts.length;
  const each = (prompts[0]?.labels.length ?? 0) + 1;
  const points = new Float32Array(count * each * 2);
  const labels = new BigInt64Array(count * each).fill(BigInt(noPointLabel));
  for (const [at, prompt] of prompts.entries()) {
    requireSize(prompt.labels.length, each - 1, 'a list of labels');
    requireSize(prompt.points.length, 2 * (each - 1), `a prompt of ${each - 1} labels`);
    points.set(prompt.points, at * each * 2);
    for (const [index, label] of prompt.labels.entries()) {
      if (!(label >= noPointLabel && label <= lastLabel)) throw new RangeError(`there is no label ${label}`);
      labels[at * each + index] = BigInt(label);
    }
  }
  return {
    points: new Tensor('float32', points, [count, each, 2]),
    labels: new Tensor('int64', labels, [count, each]),
  };
}

/** The prompt of a tracked object: none, which is a point that is none, before the padding. */
export function unprompted(memory: ObjectMemory): PromptRequest {
  const sparse = { points: new Float32Array(2), labels: [noPointLabel] };
  return { ground: { kind: 'remembered', memory }, sparse, mask: null, multimask: true };
}

/** A single click on a picture, of which nothing is known. @param point x and y in pixels of the model's input */
export function positiveClick(point: Float32Array): PromptRequest {
  const sparse = { points: point, labels: [positiveLabel] };
  return { ground: { kind: 'initial' }, sparse, mask: null, multimask: true };
}

/**
 * The dense prompts of a run: a mask for each prompt, or none for all of them.
 *
 * @param masks `maskSize²` logits each; nulls for none
 * @param nothing an array of that size
 * @throws RangeError for a mask of another size
 */
export function densePrompts(
  masks: readonly (Float32Array | null)[],
  nothing: Float32Array,
): { mask_prompt: Tensor; has_mask: Tensor } {
  const given = masks.filter((mask) => mask !== null);
  const side = Math.sqrt(nothing.length);
  const logits = given.length === 0 ? nothing : sideBySide(given, nothing.length, 'a mask prompt');
  return {
    mask_prompt: new Tensor('float32', logits, [Math.max(1, given.length), 1, side, side]),
    has_mask: scalar(given.length === 0 ? 0 : 1),
  };
}

/** Arrays one after the other. Throws `RangeError` for one that has not `length` values. */
export function sideBySide(arrays: readonly Float32Array[], length: number, what: string): Float32Array {
  const joined = new Float32Array(arrays.length * length);
  for (const [at, array] of arrays.entries()) {
    requireSize(array.length, length, what);
    joined.set(array, at * length);
  }
  return joined;
}

/** The same value for each of `count` objects. */
export function repeated(value: number, count: number): Tensor {
  return new Tensor('float32', new Float32Array(count).fill(value), [count]);
}
