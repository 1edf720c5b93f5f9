import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSam2 } from '../src/model/sam2/open-sam2.ts';
import type { PromptShape } from '../src/prompting/prompt.ts';
import { CameraPredictor } from '../src/tracker/sam2/camera-predictor.ts';
import { memoryPolicyOf } from '../src/tracker/sam2/memory-policies.ts';
import type { BenchmarkContext } from './benchmark.ts';
import { type Figure, slope } from './figure.ts';
import { writeRandomSam2 } from './random-sam2.ts';

const framesPerSample = 1000;
/** The heaps have grown to their size by then. */
const warmUpFrames = 2000;
const imageSize = 256;
const maxObjects = 6;

/**
 * A stream that runs for long while people add, correct and remove objects, on a small model of random weights: do
 * memory and the objects' banks stay where they are?
 */
export async function benchSam2Churn({ soakFrames, tell }: BenchmarkContext): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'trackcast-churn-'));
  try {
    const checkpoint = join(folder, 'checkpoint.safetensors');
    await writeRandomSam2(checkpoint, 'hiera_nano');
    const runtime = await openSam2({
      checkpoint,
      folder,
      imageSize,
      precision: 'float32',
      executionProviders: ['cpu'],
      intraOpThreads: 1,
      fused: true,
    });
    const predictor = new CameraPredictor(runtime, {
      policy: memoryPolicyOf('sam2'),
      maxConditioningFrames: Number.POSITIVE_INFINITY,
      correctionsCondition: true,
      pointerTimeSpan: 15,
      holeArea: 0,
    });
    try {
      return await churn(predictor, soakFrames, tell);
    } finally {
      predictor.dispose();
      await runtime.dispose();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function churn(
  predictor: CameraPredictor,
  frames: number,
  tell: (text: string) => void,
): Promise<Figure[]> {
  const pixels = new Uint8Array(imageSize * imageSize * 3);
  const samples: { x: number; y: number }[] = [];
  let nextId = 1;
  let largestBank = 0;
  let random = 1;
  const chance = (): number => {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
    return random / 2 ** 32;
  };
  const click = (positive: boolean): PromptShape => ({
    kind: 'points',
    points: [{ x: chance() * imageSize, y: chance() * imageSize, positive }],
  });
  for (let frame = 0; frame < frames; frame++) {
    for (let at = frame % 61; at < pixels.length; at += 61) pixels[at] = (at * 31 + frame * 7) & 255;
    await predictor.show(frame, pixels, imageSize, imageSize);
    await predictor.track();
    const ids = predictor.objectIds();
    const chosen = ids[Math.floor(chance() * ids.length)];
    if (ids.length < maxObjects && chance() < 0.1) await predictor.prompt(nextId++, click(true));
    if (chosen !== undefined && chance() < 0.1) await predictor.prompt(chosen, click(chance() < 0.5));
    if (ids.length > 1 && chosen !== undefined && chance() < 0.05) predictor.remove(chosen);
    for (const size of predictor.bankSizes().values()) {
      largestBank = Math.max(largestBank, size.conditioning + size.memories + size.pointers);
    }
    if ((frame + 1) % framesPerSample === 0) {
      const megabytes = process.memoryUsage.rss() / 1024 / 1024;
      samples.push({ x: (frame + 1) / 1000, y: megabytes });
      tell(`${frame + 1} frames, ${nextId - 1} objects so far, ${megabytes.toFixed(0)} MB`);
    }
  }
  const settled = samples.filter(({ x }) => x * 1000 > warmUpFrames);
  const peak = Math.max(...settled.map(({ y }) => y));
  const note = `${frames} frames, ${nextId - 1} objects came and went`;
  const less = 'less' as const;
  return [
    { name: 'sam2 churn, memory growth', value: slope(settled), unit: 'MB/1000 frames', better: less, note },
    { name: 'sam2 churn, peak memory', value: peak, unit: 'MB', better: less },
    { name: 'sam2 churn, largest bank', value: largestBank, unit: 'entries', better: less },
  ];
}
