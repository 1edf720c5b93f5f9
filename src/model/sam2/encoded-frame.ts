import type { Tensor } from 'onnxruntime-node';
import type { ExecutionProvider } from '../runtime.ts';
import type { FrameFeatures } from './sam2-runtime.ts';

/** Outputs of the image encoder, by the names that the other graphs read them under. */
export const featureNames = ['features', 'high_res_0', 'high_res_1', 'attention_start'] as const;

/** Features of one picture as tensors of ONNX Runtime, on the device where the provider can keep them there. */
export class EncodedFrame implements FrameFeatures {
  readonly imageSize: number;
  readonly tensors: Readonly<Record<(typeof featureNames)[number], Tensor>>;
  /** Where the tensors are. */
  readonly provider: ExecutionProvider;

  constructor(imageSize: number, tensors: EncodedFrame['tensors'], provider: ExecutionProvider) {
    this.imageSize = imageSize;
    this.provider = provider;
    this.tensors = tensors;
  }

  [Symbol.dispose](): void {
    for (const name of featureNames) this.tensors[name].dispose();
  }
}

/**
 * Features as a runtime on that provider made them. Throws `TypeError` for others: ONNX Runtime reads zeros, and says
 * nothing, where a tensor lies on another device.
 */
export function encodedFrame(features: FrameFeatures, provider: ExecutionProvider): EncodedFrame {
  if (features instanceof EncodedFrame && features.provider === provider) return features;
  throw new TypeError('these features come from another runtime');
}
