import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Tensor } from 'onnxruntime-node';
import type { Precision } from '../src/model/graph/graph-builder.ts';
import { executionProviders } from '../src/model/runtime.ts';
import { ObjectBatch } from '../src/model/sam2/object-batch.ts';
import type { OnnxSam2Runtime } from '../src/model/sam2/onnx-sam2-runtime.ts';
import { openSam2, prepareSam2 } from '../src/model/sam2/open-sam2.ts';
import type { ObjectMemory } from '../src/model/sam2/sam2-runtime.ts';
import { openSessions } from '../src/model/sam2/sam2-sessions.ts';
import type { BenchmarkContext } from './benchmark.ts';
import { type Figure, median } from './figure.ts';
import { promptOne, rememberOne } from './one-object.ts';
import { writeRandomSam2 } from './random-sam2.ts';
import type { Loading } from './sam2-loading.ts';

const imageSizes = [512, 1024] as const;
const objectCounts = [1, 4, 16, 50] as const;
/** A full bank: the conditioning frame, six recent memories, and the pointers of sixteen frames. */
const memories = 7;
const pointers = 16;
/** What takes longer than this is measured once. */
const longMs = 15_000;

/**
 * SAM 2 (the architecture of hiera_t, random weights) on every execution provider that works here: how long import
 * and opening take, each module, and a tracked frame by the number of objects.
 */
export async function benchSam2({ tell }: BenchmarkContext): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'trackcast-sam2-'));
  try {
    tell('writing random weights');
    const figures: Figure[] = [];
    for (const format of ['pt', 'safetensors']) {
      const own = await mkdtemp(join(folder, `${format}-`));
      await writeRandomSam2(join(own, `checkpoint.${format}`), 'hiera_t');
      for (const imageSize of imageSizes) {
        for (const precision of ['float32', 'float16'] as const) {
          figures.push(
            ...(await benchLoading(join(own, `checkpoint.${format}`), imageSize, precision, tell)),
          );
        }
      }
    }
    const checkpoint = join(folder, 'checkpoint.safetensors');
    await writeRandomSam2(checkpoint, 'hiera_t');
    for (const imageSize of imageSizes) {
      for (const provider of executionProviders) {
        figures.push(...(await benchProvider(folder, checkpoint, imageSize, provider, tell)));
      }
    }
    return figures;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** In a process of its own, whose peak memory is the model's. */
async function benchLoading(
  checkpoint: string,
  imageSize: number,
  precision: Precision,
  tell: (text: string) => void,
): Promise<Figure[]> {
  const name = `sam2 ${imageSize} ${precision} ${extname(checkpoint)}`;
  tell(`${name}: import and opening`);
  const loader = fileURLToPath(new URL('./sam2-loading.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [
    loader,
    checkpoint,
    String(imageSize),
    precision,
  ]);
  const loading = JSON.parse(stdout) as Loading;
  const less = 'less' as const;
  return [
    { name: `${name}, import`, value: loading.importMs, unit: 'ms', better: less },
    { name: `${name}, graph files`, value: loading.graphBytes / 1e6, unit: 'MB', better: less },
    { name: `${name}, open sessions`, value: loading.openMs, unit: 'ms', better: less },
    { name: `${name}, peak memory`, value: loading.peakBytes / 1e6, unit: 'MB', better: less },
  ];
}

async function benchProvider(
  folder: string,
  checkpoint: string,
  imageSize: number,
  provider: string,
  tell: (text: string) => void,
): Promise<Figure[]> {
  const name = `sam2 ${imageSize} ${provider}`;
  const options = { executionProviders: [provider], intraOpThreads: 1 };
  let runtime: OnnxSam2Runtime;
  try {
    runtime = await openSam2({
      checkpoint,
      folder,
      imageSize,
      precision: 'float32',
      fused: true,
      ...options,
    });
  } catch (error) {
    tell(`${name}: not available: ${error instanceof Error ? error.message.slice(0, 120) : error}`);
    return [];
  }
  const figures: Figure[] = [];
  const add = (what: string, ms: number, note?: string) => {
    tell(`${name}, ${what}: ${ms.toFixed(0)} ms`);
    figures.push({
      name: `${name}, ${what}`,
      value: ms,
      unit: 'ms',
      better: 'less',
      ...(note ? { note } : {}),
    });
  };
  try {
    const pixels = Uint8Array.from({ length: imageSize ** 2 * 3 }, (_, at) => (at * 97 + (at >> 9)) & 255);
    const encoder = await timed(async () => (await runtime.encode(pixels))[Symbol.dispose]());
    add('image encoder', encoder);
    using features = await runtime.encode(pixels);
    const click = { points: Float32Array.of(imageSize / 2, imageSize / 2), labels: [1] };
    const shown = await promptOne(runtime, features, {
      ground: { kind: 'initial' },
      sparse: click,
      mask: null,
      multimask: true,
    });
    add(
      'prompt encoder and mask decoder',
      await timed(() =>
        promptOne(runtime, features, {
          ground: { kind: 'initial' },
          sparse: click,
          mask: null,
          multimask: true,
        }),
      ),
    );
    add(
      'memory encoder',
      await timed(() => rememberOne(runtime, features, shown.lowResMask, shown.objectScore)),
    );
    await benchAttention(folder, checkpoint, imageSize, options, add);
    let single = 0;
    const memory = await rememberOne(runtime, features, shown.lowResMask, shown.objectScore);
    for (const count of objectCounts) {
      const objects = Array.from({ length: count }, () => fullBank(memory, shown.pointer));
      const step = await timed(() => runtime.step(features, objects));
      // One after the other in any case: nothing of a step can begin before the picture is encoded.
      const frame = encoder + step;
      if (count === 1) single = frame;
      add(`fused step, ${count} objects`, step, `${(step / count).toFixed(0)} ms per object`);
      add(`frame with ${count} objects`, frame, `${(frame / single).toFixed(2)} x a frame with one`);
    }
  } finally {
    await runtime.dispose();
  }
  return figures;
}

/** Memory attention as a run of its own, which only corrections need. */
async function benchAttention(
  folder: string,
  checkpoint: string,
  imageSize: number,
  options: { readonly executionProviders: readonly string[]; readonly intraOpThreads: number },
  add: (what: string, ms: number) => void,
): Promise<void> {
  const { architecture, geometry, graphs } = await prepareSam2({
    checkpoint,
    folder,
    imageSize,
    precision: 'float32',
  });
  const path = graphs.get('memory_attention');
  if (path === undefined) return;
  const { sessions } = await openSessions(async () => new Map([['memory_attention', path]]), options);
  const session = sessions.get('memory_attention');
  if (session === undefined) return;
  try {
    const tokens = geometry.gridSize ** 2;
    const { channels, memoryChannels } = architecture;
    const start = new Tensor('float32', noise(tokens * channels), [1, tokens, channels]);
    const batch = new ObjectBatch(architecture, geometry, 'float32');
    for (const slots of [1, memories]) {
      const object: ObjectMemory = {
        memories: Array.from({ length: slots }, (_, row) => ({
          memory: noise(tokens * memoryChannels),
          row,
        })),
        pointers: Array.from({ length: slots === 1 ? 1 : pointers }, (_, at) => ({
          pointer: noise(channels),
          time: at / 15,
        })),
      };
      const feeds = { attention_start: start, ...batch.feeds([object]) };
      const run = async () => {
        const { conditioned } = await session.run(feeds);
        conditioned?.dispose();
      };
      add(`memory attention, ${slots === 1 ? 'one memory' : 'full bank'}`, await timed(run));
    }
  } finally {
    await session.release();
  }
}

function fullBank(
  memory: ObjectMemory['memories'][number]['memory'],
  pointer: ObjectMemory['pointers'][number]['pointer'],
): ObjectMemory {
  return {
    memories: Array.from({ length: memories }, (_, at) => ({ memory, row: memories - 1 - at })),
    pointers: Array.from({ length: pointers }, (_, at) => ({ pointer, time: at / 15 })),
  };
}

/** Median of a few runs after one that warms up; one run where it takes long. */
async function timed(run: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let at = 0; at < 6; at++) {
    const begun = performance.now();
    await run();
    const took = performance.now() - begun;
    if (took > longMs) return took;
    if (at > 0) times.push(took);
    if (at === 3 && took > longMs / 5) break;
  }
  return median(times);
}

function noise(length: number): Float32Array {
  return Float32Array.from({ length }, (_, at) => Math.sin(at * 12.9898) * 0.8);
}
