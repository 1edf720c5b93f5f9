import type { GraphBuilder } from '../graph-builder.ts';
import { convolution } from './convolution.ts';

/** Pixels from one patch to the next; patches overlap. */
const stride = 4;
const padding = 3;

/**
 * Cuts a picture [pictures, 3, size, size] into overlapping patches with a token each, row-major
 * -> [pictures, (size / 4)², channels].
 */
export function patchEmbedding(builder: GraphBuilder, picture: string, prefix: string): string {
  const planes = convolution(builder, picture, prefix, {
    strides: [stride, stride],
    pads: [padding, padding, padding, padding],
  });
  const [channels = 0] = builder.weightShape(`${prefix}.bias`);
  return builder.reshape(builder.transpose(planes, [0, 2, 3, 1]), [0, -1, channels]);
}
