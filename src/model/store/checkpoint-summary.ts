import { type CheckpointFormat, openCheckpoint } from '../checkpoint/checkpoint.ts';
import { recogniseArchitecture } from '../sam2/recognise.ts';
import type { ModelManifest } from './model-manifest.ts';

export interface CheckpointSummary {
  readonly format: CheckpointFormat;
  readonly architecture: ModelManifest['architecture'];
}

/** Reads a checkpoint's headers. Rejects with `TRACKCAST_CHECKPOINT_INVALID` when it is none of a known model. */
export async function summariseCheckpoint(path: string): Promise<CheckpointSummary> {
  const checkpoint = await openCheckpoint(path);
  try {
    const { format, tensors } = checkpoint;
    const { family, version, defaultImageSize } = recogniseArchitecture(tensors);
    let parameters = 0;
    for (const { shape } of tensors.values())
      parameters += shape.reduce((product, size) => product * size, 1);
    const architecture = { family, version, imageSize: defaultImageSize, tensors: tensors.size, parameters };
    return { format, architecture };
  } finally {
    await checkpoint.close();
  }
}
