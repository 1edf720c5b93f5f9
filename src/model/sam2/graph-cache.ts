import { createHash } from 'node:crypto';
import { open, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { TrackcastError } from '../../errors.ts';
import { programVersion } from '../../program-version.ts';
import type { GraphTarget, WeightsFile } from '../graph/graph-builder.ts';
import { removeAbandonedParts, writeWhole } from '../whole-file.ts';
import type { Sam2Architecture } from './architecture.ts';
import { buildImageEncoder } from './image-encoder-graph.ts';
import { buildMemoryAttention, type MemoryAttentionOptions } from './memory-attention-graph.ts';
import { buildMemoryEncoder } from './memory-encoder-graph.ts';
import type { MemoryPooling } from './memory-tokens.ts';
import { buildPromptDecoder } from './prompt-decoder-graph.ts';
import { buildTrackStep } from './track-step-graph.ts';

/** Raised whenever one version of the program comes to build graphs differently from the same checkpoint. */
const graphRevision = 3;

/** Bytes at the beginning of each weight by which checkpoints are told apart: training changes all of a weight. */
const sampleBytes = 64;

/** Time without an opening after which a graph that others take the place of is deleted. */
const disusedMs = 24 * 60 * 60 * 1000;

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
  image_encoder: buildImageEncoder,
  memory_attention: buildMemoryAttention,
  prompt_decoder: buildPromptDecoder,
  memory_encoder: buildMemoryEncoder,
  track_step: buildTrackStep,
};

export interface GraphRequest {
  readonly architecture: Sam2Architecture;
  readonly imageSize: number;
  readonly weights: WeightsFile;
  readonly target: GraphTarget;
  readonly memoryPooling: MemoryPooling;
  /** Where graphs lie: the folder of the weights file, which graphs refer to by its name. */
  readonly folder: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Paths of a model's graphs, built where they are not there yet. A file's name tells what it was built from, so that
 * another checkpoint, image size, precision, provider or version of the program finds nothing and builds anew; what it takes
 * the place of is deleted once nobody has opened it for a day.
 *
 * Throws `TRACKCAST_CHECKPOINT_INVALID`, `TRACKCAST_MODEL_INVALID`, `TRACKCAST_OUTPUT_UNWRITABLE`.
 */
export async function cachedGraphs(request: GraphRequest): Promise<ReadonlyMap<GraphName, string>> {
  const { weights, architecture, imageSize, target, memoryPooling } = request;
  const key = await cacheKey(request);
  const paths = new Map<GraphName, string>();
  for (const name of graphNames) {
    request.signal?.throwIfAborted();
    const stem = `${variantOf(name, memoryPooling)}-${target}-${imageSize}-${weights.precision}`;
    const path = join(request.folder, `${stem}-${key}.onnx`);
    paths.set(name, path);
    if (await isFile(path)) {
      await touch(path);
    } else {
      const graph = builders[name](weights, architecture, imageSize, { target, memoryPooling });
      await removeAbandonedParts(path);
      await writeWhole(path, 'a graph of the model cannot be written', (file) => file.writeFile(graph));
    }
    await removeOutdated(request.folder, `${stem}-`, path);
  }
  return paths;
}

async function cacheKey({ architecture, imageSize, weights, target, folder }: GraphRequest): Promise<string> {
  const { precision, location } = weights;
  const places = [...weights.weights].map(([name, { shape, offset, length }]) => [
    name,
    shape,
    offset,
    length,
  ]);
  const facts = [programVersion, graphRevision, target, architecture, imageSize, precision, location, places];
  const hash = createHash('sha256').update(JSON.stringify(facts));
  // Graphs hold constants that are derived from weights.
  for await (const sample of samplesOf(join(folder, location), weights)) hash.update(sample);
  return hash.digest('hex').slice(0, 16);
}

/** How each weight begins. */
async function* samplesOf(path: string, { weights }: WeightsFile): AsyncGenerator<Uint8Array> {
  const sample = new Uint8Array(sampleBytes);
  try {
    const file = await open(path);
    try {
      for (const { offset, length } of weights.values()) {
        const { bytesRead } = await file.read(sample, 0, Math.min(length, sampleBytes), offset);
        yield sample.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  } catch (cause) {
    const message = 'the weights cannot be read';
    throw new TrackcastError('TRACKCAST_CHECKPOINT_INVALID', message, { key: path }, { cause });
  }
}

/** Graphs with pooled memories stand beside the exact ones. */
function variantOf(name: GraphName, memoryPooling: number): string {
  const isPooled = memoryPooling > 1 && (name === 'memory_attention' || name === 'track_step');
  return isPooled ? `${name}_pooled` : name;
}

/** Notes that a graph is used. A store that cannot be written to is not tidied up either. */
async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/**
 * Deletes graphs that others take the place of, and that nobody has asked for in a while: another version of the
 * program may be running, and about to open them.
 */
async function removeOutdated(folder: string, stem: string, current: string): Promise<void> {
  for (const file of await readdir(folder)) {
    const path = join(folder, file);
    if (!file.startsWith(stem) || !file.endsWith('.onnx') || path === current) continue;
    const state = await stat(path).catch(() => null);
    if (state === null || Date.now() - state.mtimeMs <= disusedMs) continue;
    await rm(path, { force: true }).catch(() => undefined);
  }
}
