import type { Tensor } from 'onnxruntime-node';
import type { FrameFeatures } from './sam2-runtime.ts';

/** Outputs of the image encoder, by the names that the other graphs read them under. */
export const featureNames = ['features', 'high_res_0', 'high_res_1', 'attention_start'] as const;

/** Features of one picture as tensors of ONNX Runtime, on the device where the provider can keep them there. */
export class EncodedFrame implements FrameFeatures {
  readonly imageSize: number;
  readonly tensors: Readonly<Record<(typeof featureNames)[number], Tensor>>;

  constructor(imageSize: number, tensors: EncodedFrame['tensors']) {
    this.imageSize = imageSize;
    this.tensors = tensors;
  }

  [Symbol.dispose](): void {
    for (const name of featureNames) this.tensors[name].dispose();
  }
}

/** Features as this runtime made them. Throws `TypeError` for those of another. */
export function encodedFrame(features: FrameFeatures): EncodedFrame {
  if (features instanceof EncodedFrame) return features;
  throw new TypeError('these features come from another runtime');
}
