import type { Precision } from '../graph/graph-builder.ts';
import { queriesAtOnce } from '../graph/pieces/head-attention.ts';
import type { ExecutionProvider } from '../runtime.ts';
import type { Sam2Architecture, Sam2Geometry } from './architecture.ts';

/** Memory that one run may take beside the model, bytes. Of GPUs it leaves half of one with 8 GiB to all else. */
const runMemoryBytes = { cpu: 2 ** 30, gpu: 2 ** 32 } as const;

/** A CPU gains nothing from larger batches, and an object that is alone in its state pays less for padding. */
const maxObjectsPerRunOnCpu = 4;

/** What an object's keys take of a run at most, times this, is what all of its values take together: measured. */
const runMemoryPerKeys = 8;

/** On WebGPU attention's scores are one buffer, and no driver of a graphics card allows less than twice this, bytes. */
const scoreBytesOnWebGpu = 2 ** 29;

const bytesPerValue: Readonly<Record<Precision, number>> = { float32: 4, float16: 2 };

/** How many objects share a run: as many as it has room for when all of them have all of their memories. */
export function objectsPerRun(
  { channels, memories }: Sam2Architecture,
  { gridSize }: Sam2Geometry,
  precision: Precision,
  provider: ExecutionProvider,
): number {
  const tokens = gridSize * gridSize;
  const keys = memories * tokens;
  const runBytes = runMemoryPerKeys * keys * channels * bytesPerValue.float32;
  const place = provider === 'cpu' ? 'cpu' : 'gpu';
  const limits = [runMemoryBytes[place] / runBytes];
  if (provider === 'cpu') limits.push(maxObjectsPerRunOnCpu);
  if (provider === 'webgpu') {
    limits.push(scoreBytesOnWebGpu / (Math.min(tokens, queriesAtOnce) * keys * bytesPerValue[precision]));
  }
  return Math.max(1, Math.floor(Math.min(...limits)));
}
