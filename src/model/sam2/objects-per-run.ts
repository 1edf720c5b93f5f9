import { bytesPerValue, type Precision } from '../graph/graph-builder.ts';
import { queriesAtOnce } from '../graph/pieces/head-attention.ts';
import type { ExecutionProvider } from '../runtime.ts';
import type { Sam2Architecture, Sam2Geometry } from './architecture.ts';
import { BatchSizes } from './batch-sizes.ts';

/** Memory that one run may take beside the model, bytes. Of GPUs it leaves half of one with 8 GiB to all else. */
const runMemoryBytes = { cpu: 2 ** 30, gpu: 2 ** 32 } as const;

/** A CPU gains nothing from larger batches, and an object that is alone in its state pays less for padding. */
const maxObjectsPerRunOnCpu = 4;

/** What an object's keys take of a run at most, times this, is what all of its values take together: measured. */
const runMemoryPerKeys = 8;

/** On WebGPU attention's scores are one buffer, and no driver of a graphics card allows less than twice this, bytes. */
const scoreBytesOnWebGpu = 2 ** 29;

/**
 * How many objects share a run, by how many memories the one with most of them attends to: as many as the run has room
 * for. There may be more memories than the model's own number, since conditioning frames come on top of it. An object
 * has a run to itself when there is no room for two, and takes what it takes.
 */
export type ObjectsPerRun = (memories: number) => number;

/** The limits of a model on a provider. */
export function objectsPerRun(
  { channels, memories: usual }: Sam2Architecture,
  { gridSize }: Sam2Geometry,
  precision: Precision,
  provider: ExecutionProvider,
): ObjectsPerRun {
  const tokens = gridSize * gridSize;
  const room = runMemoryBytes[provider === 'cpu' ? 'cpu' : 'gpu'];
  const bytesPerMemory = runMemoryPerKeys * tokens * channels * bytesPerValue.float32;
  const scoreBytesPerMemory = Math.min(tokens, queriesAtOnce) * tokens * bytesPerValue[precision];
  const sizes = new BatchSizes(provider);
  return (attended) => {
    // What an object takes beside its memories is in their measure, so few of them make no room for others.
    const memories = Math.max(attended, usual);
    const limits = [room / (memories * bytesPerMemory)];
    if (provider === 'cpu') limits.push(maxObjectsPerRunOnCpu);
    if (provider === 'webgpu') limits.push(scoreBytesOnWebGpu / (memories * scoreBytesPerMemory));
    return sizes.within(Math.max(1, Math.floor(Math.min(...limits))));
  };
}
