import { Tensor } from 'onnxruntime-node';
import { sideBySide } from './prompt-feeds.ts';
import type { MaskToRemember } from './sam2-runtime.ts';

/** What the memory encoder reads of objects, features aside. Throws `RangeError` for a mask of another size. */
export function memoryFeeds(objects: readonly MaskToRemember[], maskSize: number): Record<string, Tensor> {
  const count = objects.length;
  const masks = objects.map(({ lowResMask }) => lowResMask);
  const logits = sideBySide(masks, maskSize * maskSize, 'a low-resolution mask');
  const binarize = Float32Array.from(objects, ({ isSoft = false }) => (isSoft ? 0 : 1));
  const scores = Float32Array.from(objects, ({ objectScore }) => objectScore);
  return {
    frame_of_object: onlyFrame(count),
    low_res_mask: new Tensor('float32', logits, [count, 1, maskSize, maskSize]),
    binarize: new Tensor('float32', binarize, [count]),
    object_score: new Tensor('float32', scores, [count, 1]),
  };
}

/** The frame that objects of a run look at: the same one, the run's only one. */
export function onlyFrame(count: number): Tensor {
  return new Tensor('int64', new BigInt64Array(count), [count]);
}
