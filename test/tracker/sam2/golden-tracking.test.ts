import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maskIou } from '../../../src/mask/mask-iou.ts';
import { renderMask } from '../../../src/mask/mask-logits.ts';
import { decodeRunLength } from '../../../src/mask/run-length.ts';
import { openSam2 } from '../../../src/model/sam2/open-sam2.ts';
import type { Activations, Sam2Runtime } from '../../../src/model/sam2/sam2-runtime.ts';
import type { ObjectResult } from '../../../src/tracker/sam2/camera-predictor.ts';
import {
  atolOf,
  expectClose,
  type GoldenFile,
  goldenPath,
  hasGoldens,
  readGolden,
} from '../../model/sam2/golden.ts';
import { playScenario, readScenario, type Scenario } from './scenario.ts';

const side = 256;
const gridSize = 16;
/** Pixels that may differ between two renderings of a frame, as the golden index says. */
const maxPixelsOff = 20;

/** A runtime as it is, which also tells what it remembered last and which dense prompts it was given. */
class WatchedRuntime {
  readonly runtime: Sam2Runtime;
  /** Memories of the last step, or of the last prompts. */
  written: readonly Activations[] = [];
  /** Of the last prompts. */
  densePrompts: readonly (Float32Array | null)[] = [];

  constructor(watched: Sam2Runtime) {
    this.runtime = {
      architecture: watched.architecture,
      geometry: watched.geometry,
      precision: watched.precision,
      absentPointer: watched.absentPointer,
      encode: (pixels) => watched.encode(pixels),
      propose: (features, points) => watched.propose(features, points),
      reduceMask: (mask) => watched.reduceMask(mask),
      dispose: () => watched.dispose(),
      step: async (features, objects) => {
        const steps = await watched.step(features, objects);
        this.written = steps.map(({ memory }) => memory);
        return steps;
      },
      promptAll: (features, requests) => {
        this.densePrompts = requests.map(({ mask }) => mask);
        return watched.promptAll(features, requests);
      },
      rememberAll: async (...args) => {
        this.written = await watched.rememberAll(...args);
        return this.written as Activations[];
      },
    };
  }
}

/** A token-major memory as the channel-major one of the goldens. */
function channelMajor(memory: ArrayLike<number>): Float32Array {
  const tokens = gridSize * gridSize;
  const channels = memory.length / tokens;
  return Float32Array.from({ length: memory.length }, (_, at) => {
    const channel = Math.floor(at / tokens);
    return memory[(at - channel * tokens) * channels + channel] as number;
  });
}

const inside = (logits: Float32Array) => Uint8Array.from(logits, (logit) => (logit > 0 ? 1 : 0));

/** Compares all that the golden file knows of a result. Returns how many tensors were compared. */
function expectGolden(
  golden: GoldenFile,
  { name: file, decisions }: Scenario,
  name: string,
  result: ObjectResult,
  memory: Activations,
): number {
  let compared = 0;
  const compare = (field: string, actual: ArrayLike<number>) => {
    const tensor = `f32.${name}.${field}`;
    if (!golden.tensors.has(tensor)) return;
    expectClose(actual, golden.get(tensor), atolOf(file, tensor), `${file} ${tensor}`);
    compared++;
  };
  compare('low_res_mask', result.lowResMask);
  compare('object_score_logits', [result.objectScore]);
  compare('obj_ptr', Float32Array.from(result.pointer));
  compare('maskmem_features', channelMajor(memory));
  const ious = golden.tensors.get(`f32.${name}.ious`);
  if (ious !== undefined) {
    const isMultimask = ious.data.length === 3;
    compare('ious', isMultimask ? result.ious.subarray(1) : [result.ious[result.maskIndex] as number]);
  }
  const mask = golden.tensors.get(`f32.${name}.low_res_mask`);
  if (mask?.data instanceof Float32Array && result.objectScore > 0) {
    expect(maskIou(inside(result.lowResMask), inside(mask.data)), name).toBeGreaterThanOrEqual(0.999);
  }
  const decision = decisions[name];
  if (decision !== undefined) {
    expect(result.objectScore, `score of ${name}`).toBeCloseTo(decision.score, 2);
    const isMultimask = result.maskIndex > 0;
    if (decision.best !== null) expect(result.maskIndex - (isMultimask ? 1 : 0), name).toBe(decision.best);
    const area = inside(result.lowResMask).reduce((sum, pixel) => sum + pixel, 0);
    expect(Math.abs(area - decision.area), `area of ${name}`).toBeLessThanOrEqual(2);
  }
  return compared;
}

/** Compares masks at the size of the video with those of the published predictor, which come before corrections. */
function expectVideoMasks(golden: GoldenFile, results: ReadonlyMap<string, ObjectResult>): void {
  const { shape, data } = golden.get('f32.video_masks_packed');
  const [frames, objects, height, rowBytes] = shape as [number, number, number, number];
  for (let frame = 0; frame < frames; frame++) {
    for (let object = 0; object < objects; object++) {
      const result = results.get(`o${object + 1}.f${String(frame).padStart(2, '0')}`);
      const packed = data.subarray((frame * objects + object) * height * rowBytes);
      const mask = new Uint8Array(height * rowBytes * 8);
      if (result !== undefined) {
        const { lowResMask } = result;
        const grid = { width: 64, height: 64, spanX: 64, spanY: 64 };
        const rendered = renderMask({ ...grid, data: lowResMask }, rowBytes * 8, height);
        if (rendered !== null) decodeRunLength(rendered.mask, mask);
      }
      const off = mask.reduce((sum, pixel, at) => {
        const bit = ((packed[at >> 3] as number) >> (7 - (at & 7))) & 1;
        return sum + (bit === pixel ? 0 : 1);
      }, 0);
      expect(off, `pixels of object ${object + 1} on frame ${frame}`).toBeLessThanOrEqual(maxPixelsOff);
    }
  }
}

describe.skipIf(!hasGoldens).each([
  { graphs: 'the fused graph', fused: true },
  { graphs: 'graphs apart', fused: false },
])('tracking with $graphs', ({ fused }) => {
  let folder: string;
  let watched: WatchedRuntime;
  const video = hasGoldens ? readGolden('video').bytes('frames') : new Uint8Array(0);
  const pictureOf = (frame: number) => {
    const bytes = side * side * 3;
    return { pixels: video.subarray(frame * bytes, (frame + 1) * bytes), side };
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'trackcast-sam2-'));
    const checkpoint = join(folder, 'nano.safetensors');
    copyFileSync(goldenPath('nano.safetensors'), checkpoint);
    const device = { executionProviders: ['cpu'], intraOpThreads: 1 };
    const model = { checkpoint, folder, imageSize: side, precision: 'float32' } as const;
    watched = new WatchedRuntime(await openSam2({ ...model, ...device, fused }));
  });

  afterAll(async () => {
    await watched?.runtime.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each([
    ['e2e_A', 24, 120],
    ['e2e_B', 72, 360],
    ['e2e_C', 41, 205],
    ['e2e_C_cond', 41, 125],
  ])('gives what the published predictor gives (%s)', async (file, resultCount, tensorCount) => {
    const golden = readGolden(file);
    const scenario = readScenario(file);
    const results = new Map<string, ObjectResult>();
    let compared = 0;
    await playScenario(scenario, watched.runtime, pictureOf, (name, result, place) => {
      const memory = watched.written[place];
      if (memory === undefined) throw new Error(`nothing was remembered of ${name}`);
      results.set(name, result);
      compared += expectGolden(golden, scenario, name, result, memory);
      if (golden.tensors.has(`f32.${name}.prev_mask_prompt`)) {
        const tensor = `f32.${name}.prev_mask_prompt`;
        expectClose(watched.densePrompts[place] ?? [], golden.get(tensor), atolOf(file, tensor), tensor);
      }
      const trace = scenario.traces[name];
      expect(
        result.attended.memories.map(({ frame, row }) => [frame, row]),
        `memories of ${name}`,
      ).toEqual(trace?.mem ?? []);
    });
    expect(results.size).toBe(resultCount);
    expect(compared).toBe(tensorCount);
    expectVideoMasks(golden, results);
  });
});
