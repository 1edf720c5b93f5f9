import { Tensor } from 'onnxruntime-node';
import { requireSize } from './require-size.ts';

/** Label of a point that is none: the prompt encoder wants one after all others. */
const noPointLabel = -1;
/** That of a box's second corner. */
const lastLabel = 3;

/** A value for every object of a run. */
export function scalar(value: number): Tensor {
  return new Tensor('float32', Float32Array.of(value), [1]);
}

/**
 * Points of `count` prompts, equally many each, with the padding point that ends every prompt.
 *
 * @param points x, y pairs in pixels of the model's input, prompt after prompt
 * @param labels one per point
 * @throws RangeError for another number of points than labels, and for labels that there are not
 */
export function paddedPoints(
  points: Float32Array,
  labels: readonly number[],
  count: number,
): { points: Tensor; labels: Tensor } {
  requireSize(points.length, 2 * labels.length, `a prompt of ${labels.length} labels`);
  const unknown = labels.find((label) => !(label >= noPointLabel && label <= lastLabel));
  if (unknown !== undefined) throw new RangeError(`there is no label ${unknown}`);
  const each = labels.length / count;
  const padded = new Float32Array(count * (each + 1) * 2);
  const paddedLabels = new BigInt64Array(count * (each + 1)).fill(BigInt(noPointLabel));
  for (let at = 0; at < count; at++) {
    padded.set(points.subarray(at * each * 2, (at + 1) * each * 2), at * (each + 1) * 2);
    for (let index = 0; index < each; index++) {
      paddedLabels[at * (each + 1) + index] = BigInt(labels[at * each + index] as number);
    }
  }
  return {
    points: new Tensor('float32', padded, [count, each + 1, 2]),
    labels: new Tensor('int64', paddedLabels, [count, each + 1]),
  };
}

/** What stands for no prompt: a point that is none, before the padding. */
export function noPoints(count: number): { points: Tensor; labels: Tensor } {
  return paddedPoints(new Float32Array(count * 2), new Array<number>(count).fill(noPointLabel), count);
}
