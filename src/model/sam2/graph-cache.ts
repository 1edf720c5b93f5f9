import { createHash } from 'node:crypto';
import { readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TrackcastError } from '../../errors.ts';
import type { WeightsFile } from '../graph/graph-builder.ts';
import type { Sam2Architecture } from './architecture.ts';
import { buildImageEncoder } from './image-encoder-graph.ts';
import { buildMemoryAttention, type MemoryAttentionOptions } from './memory-attention-graph.ts';
import { buildMemoryEncoder } from './memory-encoder-graph.ts';
import { buildPromptDecoder } from './prompt-decoder-graph.ts';
import { buildTrackStep } from './track-step-graph.ts';

/** Raised whenever graphs are built differently from the same checkpoint. */
const graphRevision = 1;

/** Every graph of a model, in the order in which data passes through them. */
const graphNames = [
  'image_encoder',
  'memory_attention',
  'prompt_decoder',
  'memory_encoder',
  'track_step',
] as const;
export type GraphName = (typeof graphNames)[number];

type GraphFactory = (
  weights: WeightsFile,
  architecture: Sam2Architecture,
  imageSize: number,
  options: MemoryAttentionOptions,
) => Uint8Array;

const builders: Readonly<Record<GraphName, GraphFactory>> = {
  image_encoder: (weights, architecture, imageSize) => buildImageEncoder(weights, architecture, imageSize),
  memory_attention: buildMemoryAttention,
  prompt_decoder: buildPromptDecoder,
  memory_encoder: buildMemoryEncoder,
  track_step: buildTrackStep,
};

export interface GraphRequest extends MemoryAttentionOptions {
  readonly architecture: Sam2Architecture;
  readonly imageSize: number;
  readonly weights: WeightsFile;
  /** Where graphs lie: the folder of the weights file, which graphs refer to by its name. */
  readonly folder: string;
}

/**
 * Paths of a model's graphs, built where they are not there yet. A file's name tells what it was built from, so that
 * another checkpoint, image size, precision or version of the program finds nothing and builds anew; what no
 * version needs any more is deleted.
 *
 * Throws `TRACKCAST_MODEL_INVALID`, `TRACKCAST_OUTPUT_UNWRITABLE`.
 */
export async function cachedGraphs(request: GraphRequest): Promise<ReadonlyMap<GraphName, string>> {
  const { memoryPooling = 1 } = request;
  const key = cacheKey(request);
  const paths = new Map<GraphName, string>();
  for (const name of graphNames) {
    const stem = `${variantOf(name, memoryPooling)}-${request.imageSize}-${request.weights.precision}`;
    const path = join(request.folder, `${stem}-${key}.onnx`);
    paths.set(name, path);
    if (await isFile(path)) continue;
    const { weights, architecture, imageSize } = request;
    await writeGraph(path, builders[name](weights, architecture, imageSize, { memoryPooling }));
    await removeOutdated(request.folder, `${stem}-`, path);
  }
  return paths;
}

function cacheKey({ architecture, imageSize, weights }: GraphRequest): string {
  const places = [...weights.weights].map(([name, { shape, offset, length }]) => [
    name,
    shape,
    offset,
    length,
  ]);
  const facts = [graphRevision, architecture, imageSize, weights.precision, weights.location, places];
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 16);
}

/** Graphs with pooled memories stand beside the exact ones. */
function variantOf(name: GraphName, memoryPooling: number): string {
  const isPooled = memoryPooling > 1 && (name === 'memory_attention' || name === 'track_step');
  return isPooled ? `${name}_pooled` : name;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** Another process may build the same file at the same time: whoever renames last wins, and both are right. */
async function writeGraph(path: string, bytes: Uint8Array): Promise<void> {
  const partial = `${path}.${process.pid}.part`;
  try {
    await writeFile(partial, bytes);
    await rename(partial, path);
  } catch (cause) {
    await rm(partial, { force: true });
    const message = 'a graph of the model cannot be written';
    throw new TrackcastError('TRACKCAST_OUTPUT_UNWRITABLE', message, { key: path }, { cause });
  }
}

async function removeOutdated(folder: string, stem: string, current: string): Promise<void> {
  for (const file of await readdir(folder)) {
    const path = join(folder, file);
    if (file.startsWith(stem) && file.endsWith('.onnx') && path !== current) await rm(path, { force: true });
  }
}
