import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type WritableTensor, writeSafetensors } from '../../../src/model/checkpoint/safetensors-writer.ts';
import { encodedFrame } from '../../../src/model/sam2/encoded-frame.ts';
import { openSam2 } from '../../../src/model/sam2/open-sam2.ts';
import type { Activations, Sam2Runtime } from '../../../src/model/sam2/sam2-runtime.ts';
import type { ObjectResult } from '../../../src/tracker/sam2/camera-predictor.ts';
import { type GoldenPrompt, playScenario, publishedOptions } from '../../tracker/sam2/scenario.ts';
import {
  atolOf,
  expectClose,
  type GoldenFile,
  goldenEntry,
  goldenPath,
  hasGoldens,
  readGolden,
} from './golden.ts';

/** How each weight is drawn; the first values of some say whether it was done right. */
interface Recipe {
  readonly tensors: Readonly<
    Record<string, { readonly shape: readonly number[]; readonly scale: number; readonly offset: number }>
  >;
  readonly probe_first_values: Readonly<Record<string, readonly number[]>>;
}

const videoSide = 256;

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}

/** Values of a weight: mulberry32, seeded by its name. */
function drawWeight(
  name: string,
  { shape, scale, offset }: Recipe['tensors'][string],
): Float32Array<ArrayBuffer> {
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  let state = hash(name);
  for (let at = 0; at < values.length; at++) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    values[at] = offset + scale * ((2 * ((mixed ^ (mixed >>> 14)) >>> 0)) / 2 ** 32 - 1);
  }
  return values;
}

async function writeCheckpoint(path: string): Promise<void> {
  const recipe: Recipe = JSON.parse(readFileSync(goldenPath('fake_hiera_t_weights.json'), 'utf8'));
  const tensors: WritableTensor[] = [];
  for (const [name, tensor] of Object.entries(recipe.tensors)) {
    const values = drawWeight(name, tensor);
    const probe = recipe.probe_first_values[name];
    if (probe !== undefined) expect([...values.subarray(0, 3)], name).toEqual(probe);
    tensors.push({ name, type: 'F32', shape: tensor.shape, data: new Uint8Array(values.buffer) });
  }
  await writeSafetensors(path, tensors);
}

/** A frame of the golden video, each pixel repeated in both directions. */
function enlarge(video: Uint8Array, frame: number, side: number): Uint8Array {
  const factor = side / videoSide;
  const pixels = new Uint8Array(side * side * 3);
  const from = frame * videoSide * videoSide * 3;
  for (let y = 0; y < side; y++) {
    const row = from + Math.floor(y / factor) * videoSide * 3;
    for (let x = 0; x < side; x++) {
      const place = row + Math.floor(x / factor) * 3;
      pixels.set(video.subarray(place, place + 3), (y * side + x) * 3);
    }
  }
  return pixels;
}

/** Every `stride`-th row and column of planes [channels, side, side]. */
function subsample(planes: ArrayLike<number>, side: number, stride: number): Float32Array {
  const kept = side / stride;
  const channels = planes.length / (side * side);
  return Float32Array.from({ length: channels * kept * kept }, (_, at) => {
    const channel = Math.floor(at / (kept * kept));
    const y = Math.floor(at / kept) % kept;
    return planes[(channel * side + y * stride) * side + (at % kept) * stride] as number;
  });
}

/** Tokens [side², channels] as planes [channels, side, side]. */
function toPlanes(tokens: ArrayLike<number>, side: number): Float32Array {
  const count = side * side;
  const channels = tokens.length / count;
  return Float32Array.from({ length: tokens.length }, (_, at) => {
    const channel = Math.floor(at / count);
    return tokens[(at - channel * count) * channels + channel] as number;
  });
}

/** Compares planes with a golden tensor, whole or `.sub`sampled. Returns whether there is one. */
function comparePlanes(
  golden: GoldenFile,
  file: string,
  name: string,
  planes: ArrayLike<number>,
  side: number,
) {
  const tensor = [name, `${name}.sub`].find((each) => golden.tensors.has(each));
  if (tensor === undefined) return false;
  const { shape } = golden.get(tensor);
  const stride = side / (shape.at(-1) ?? side);
  expectClose(subsample(planes, side, stride), golden.get(tensor), atolOf(file, tensor), `${file} ${tensor}`);
  return true;
}

describe.skipIf(!hasGoldens)('SAM 2 at full size (hiera_t)', () => {
  let folder: string;
  let checkpoint: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trackcast-full-size-'));
    checkpoint = join(folder, 'checkpoint.safetensors');
    await writeCheckpoint(checkpoint);
  }, 60_000);

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each([
    [512, 8, 8],
    [1024, 2, 2],
  ])(
    'gives what the published predictor gives at %i pixels',
    async (side, frames, played) => {
      const file = `fake_hiera_t_${side}`;
      const golden = readGolden(file);
      const video = readGolden('video').bytes('frames');
      const entry = goldenEntry(file);
      const device = { executionProviders: ['cpu'], intraOpThreads: 2 };
      const model = { checkpoint, folder, imageSize: side, precision: 'float32', fused: true } as const;
      const runtime = await openSam2({ ...model, ...device });
      const grid = side / 16;
      const seen = new Set<string>();
      const compared = new Set<string>();
      const compare = (name: string, planes: ArrayLike<number>, planeSide: number) => {
        if (comparePlanes(golden, file, name, planes, planeSide)) compared.add(name);
      };
      let written: readonly Activations[] = [];
      const watched: Sam2Runtime = {
        architecture: runtime.architecture,
        geometry: runtime.geometry,
        precision: runtime.precision,
        absentPointer: runtime.absentPointer,
        propose: (features, points) => runtime.propose(features, points),
        promptAll: (features, requests) => runtime.promptAll(features, requests),
        reduceMask: (mask) => runtime.reduceMask(mask),
        dispose: () => runtime.dispose(),
        encode: async (pixels) => {
          const features = await runtime.encode(pixels);
          if (seen.size === 0) {
            const { tensors } = encodedFrame(features, runtime.provider);
            compare('frame0.backbone_fpn.0', tensors.high_res_0.data as Float32Array, 4 * grid);
            compare('frame0.backbone_fpn.1', tensors.high_res_1.data as Float32Array, 2 * grid);
            compare('frame0.backbone_fpn.2', toPlanes(tensors.features.data as Float32Array, grid), grid);
          }
          return features;
        },
        step: async (features, objects) => {
          const steps = await runtime.step(features, objects);
          written = steps.map(({ memory }) => memory);
          return steps;
        },
        rememberAll: async (...args) => {
          const memories = await runtime.rememberAll(...args);
          written = memories;
          return memories;
        },
      };
      const onResult = (name: string, result: ObjectResult, place: number) => {
        seen.add(name);
        const vector = (field: string, values: ArrayLike<number>) => {
          const tensor = `${name}.${field}`;
          expectClose(values, golden.get(tensor), atolOf(file, tensor), `${file} ${tensor}`);
          compared.add(tensor);
        };
        compare(`${name}.low_res_mask`, result.lowResMask, 4 * grid);
        compare(`${name}.maskmem_features`, toPlanes(written[place] as Float32Array, grid), grid);
        vector('object_score_logits', [result.objectScore]);
        vector('obj_ptr', result.pointer);
        const isMultimask = golden.get(`${name}.ious`).data.length === 3;
        vector('ious', isMultimask ? result.ious.subarray(1) : [result.ious[result.maskIndex] as number]);
      };
      try {
        await playScenario(
          {
            name: file,
            entry,
            frames: played,
            prompts: entry['prompts'] as GoldenPrompt[],
            traces: {},
            decisions: {},
            options: { ...publishedOptions, pointerTimeSpan: frames - 1 },
          },
          watched,
          (frame) => ({ pixels: enlarge(video, frame, side), side }),
          onResult,
        );
      } finally {
        await runtime.dispose();
      }
      expect(seen.size).toBe(2 * played);
      // Features, and five tensors of each result but for memories, which are there of two frames.
      expect(compared.size).toBe(3 + 4 * 2 * played + 2 * 2);
    },
    120_000,
  );
});
