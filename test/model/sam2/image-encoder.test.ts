import { describe, expect, it } from 'vitest';
import { sinePosition } from '../../../src/model/graph/pieces/sine-position.ts';
import { buildImageEncoder, type ImageEncoderOptions } from '../../../src/model/sam2/image-encoder-graph.ts';
import { memoryAttentionStart } from '../../../src/model/sam2/memory-attention-start.ts';
import { atolOf, expectClose, hasGoldens, readGolden } from './golden.ts';
import {
  activation,
  bytes,
  type FixtureOptions,
  GraphFixture,
  nano,
  type Result,
  toTokens,
} from './graph-fixture.ts';

const file = 'mod_image_encoder';
const outputNames = ['attention_start', 'features', 'high_res_0', 'high_res_1'];
/** Few enough for several slices of the small model: of windows in early stages, of rows in late ones. */
const manySlices = { sliceValues: 16 * 64 * 4 };
const noSlices = { sliceValues: Number.POSITIVE_INFINITY };

interface EncoderRun {
  readonly frames?: readonly number[];
  readonly imageSize?: number;
  readonly options?: ImageEncoderOptions;
  readonly fixture?: FixtureOptions;
}

/** Encodes frames of the golden video, or a part of them where the input is smaller. */
async function encode({ frames = [0], imageSize = 256, options, fixture }: EncoderRun) {
  const video = readGolden('video').bytes('frames');
  const pixels = new Uint8Array(frames.length * imageSize * imageSize * 3);
  for (const [at, frame] of frames.entries()) {
    for (let row = 0; row < imageSize; row++) {
      const start = (frame * 256 + row) * 256 * 3;
      pixels.set(video.subarray(start, start + imageSize * 3), (at * imageSize + row) * imageSize * 3);
    }
  }
  using folder = new GraphFixture(fixture);
  const graph = buildImageEncoder(folder.weightsFile, nano, imageSize, options);
  return await folder.run(graph, { pixels: bytes(pixels, [frames.length, imageSize, imageSize, 3]) });
}

/** The values of one frame of a batch. */
function ofFrame(result: Result | undefined, frame: number): Float32Array {
  const { shape, data } = result as Result;
  const length = data.length / (shape[0] ?? 1);
  return data.subarray(frame * length, (frame + 1) * length);
}

describe.skipIf(!hasGoldens)('image encoder', () => {
  const golden = () => readGolden(file);

  /** Compares what a mask decoder and a memory encoder read with the published features of a frame. */
  function expectPublished(results: Record<string, Result>, at: number, prefix: string, atol?: number): void {
    const expected = (level: number) => golden().get(`${prefix}backbone_fpn.${level}`);
    const tolerance = (level: number) => atol ?? atolOf(file, `${prefix}backbone_fpn.${level}`);
    expectClose(ofFrame(results['high_res_0'], at), expected(0), tolerance(0), 'high_res_0');
    expectClose(ofFrame(results['high_res_1'], at), expected(1), tolerance(1), 'high_res_1');
    expectClose(ofFrame(results['features'], at), toTokens(expected(2)), tolerance(2), 'features');
  }

  it.each([
    ['at once', noSlices],
    ['in many slices', manySlices],
    ['in slices as by default', {}],
  ])('computes the published features of each frame %s', async (_, options) => {
    const results = await encode({ frames: [0, 15], options });
    expect(results['features']?.shape).toEqual([2, 256, 64]);
    expect(results['high_res_0']?.shape).toEqual([2, 8, 64, 64]);
    expect(results['high_res_1']?.shape).toEqual([2, 16, 32, 32]);
    expectPublished(results, 0, '');
    expectPublished(results, 1, 'frame15.');
  });

  it('begins memory attention', async () => {
    const results = await encode({});
    using fixture = new GraphFixture();
    const features = activation(results['features'] as Result);
    const { start } = await fixture.runPiece({ features }, (builder) => ({
      start: memoryAttentionStart(builder, 'features', 16),
    }));
    expect(results['attention_start']?.shape).toEqual([1, 256, 64]);
    expectClose(results['attention_start']?.data ?? [], start?.data ?? [], 1e-5, 'attention_start');
  });

  it('stays near the published features in half precision', async () => {
    const results = await encode({ fixture: { precision: 'float16' } });
    expectPublished(results, 0, '', 0.05);
  });

  it.each([64, 96, 160, 224])('computes slices of a picture of %i pixels as the whole', async (imageSize) => {
    const whole = await encode({ frames: [0, 3], imageSize, options: noSlices });
    const sliced = await encode({ frames: [0, 3], imageSize, options: manySlices });
    for (const name of outputNames) {
      expect(whole[name]?.shape).toEqual(sliced[name]?.shape);
      expectClose(sliced[name]?.data ?? [], whole[name]?.data ?? [], 1e-4, name);
    }
  });

  it('refuses sizes that the model cannot have', () => {
    using fixture = new GraphFixture();
    expect(() => buildImageEncoder(fixture.weightsFile, nano, 250)).toThrow(
      expect.objectContaining({ code: 'TRACKCAST_CONFIG_INVALID' }),
    );
  });

  it('refuses a checkpoint that lacks a weight', () => {
    const missing = 'image_encoder.trunk.blocks.5.norm1.weight';
    using fixture = new GraphFixture({ without: [missing] });
    expect(() => buildImageEncoder(fixture.weightsFile, nano, 256)).toThrow(
      expect.objectContaining({ code: 'TRACKCAST_MODEL_INVALID', place: { key: missing } }),
    );
  });

  it('has the published position codes', () => {
    const name = 'vision_pos_enc.2';
    expectClose(sinePosition(64, 16), toTokens(golden().get(name)), atolOf(file, name), name);
    const subsampled = 'vision_pos_enc.0.sub';
    const code = sinePosition(64, 64);
    const tokens = Array.from({ length: 64 }, (_, at) => Math.floor(at / 8) * 8 * 64 + (at % 8) * 8);
    const actual = tokens.flatMap((token) => [...code.subarray(token * 64, (token + 1) * 64)]);
    expectClose(actual, toTokens(golden().get(subsampled)), atolOf(file, subsampled), subsampled);
  });
});
