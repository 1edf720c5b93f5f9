import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildDecoderGraph, positionGrid } from '../../../src/model/mobile-sam/decoder-graph.ts';
import { buildEncoderGraph } from '../../../src/model/mobile-sam/encoder-graph.ts';
import { readModelFiles } from '../../../src/model/mobile-sam/model-files.ts';
import { createSession } from '../../../src/model/runtime.ts';

const side = 1024;
const tokens = 64;

/** Smooth shapes with some noise, so that all layers have something to see. */
function makePicture(): Uint8Array<ArrayBuffer> {
  const pixels = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const inside = Math.hypot(x - 500, y - 420) < 200;
      const at = (y * side + x) * 3;
      pixels[at] = inside ? 220 : (x >> 2) & 127;
      pixels[at + 1] = inside ? 40 : 128 + 60 * Math.sin(y / 37);
      pixels[at + 2] = (Math.imul(at, 2654435761) >>> 27) + (inside ? 20 : 90);
    }
  }
  return pixels;
}

function normalise(pixels: Uint8Array): Float32Array {
  const mean = [123.675, 116.28, 103.53];
  const deviation = [58.395, 57.12, 57.375];
  const planes = new Float32Array(pixels.length);
  for (let i = 0; i < pixels.length; i++) {
    const channel = i % 3;
    planes[channel * side * side + Math.floor(i / 3)] =
      ((pixels[i] ?? 0) - (mean[channel] ?? 0)) / (deviation[channel] ?? 1);
  }
  return planes;
}

function floats(outputs: InferenceSession.ReturnType, name: string): Float32Array {
  const data = outputs[name]?.data;
  if (!(data instanceof Float32Array)) throw new Error(`no output ${name}`);
  return data;
}

function worstDifference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  let worst = 0;
  for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs((a[i] ?? NaN) - (b[i] ?? NaN)));
  return worst;
}

async function open(name: string, bytes: Uint8Array): Promise<InferenceSession> {
  const options = { name, executionProviders: ['cpu'], intraOpThreads: 2 } as const;
  return (await createSession(bytes, options)).session;
}

/** A circle's box, and a click inside it with the closing point that clicks need. */
const prompts = {
  box: { points: Float32Array.of(300, 220, 700, 620), labels: Float32Array.of(2, 3) },
  clicks: { points: Float32Array.of(500, 420, 100, 900, 0, 0), labels: Float32Array.of(1, 0, -1) },
};

describe('the rewritten graphs at the size of the exported ones', () => {
  const sessions: InferenceSession[] = [];
  let embedding: Float32Array;
  let rewritten: InferenceSession.ReturnType;
  let exportedDecoder: InferenceSession;
  let decoder: InferenceSession;

  beforeAll(async () => {
    const files = await readModelFiles();
    const pixels = makePicture();
    const exportedEncoder = await open('exported encoder', files.encoder);
    const encoder = await open('encoder', buildEncoderGraph(files.encoder, side, side));
    exportedDecoder = await open('exported decoder', files.decoder);
    decoder = await open('decoder', buildDecoderGraph(files.decoder));
    sessions.push(exportedEncoder, encoder, exportedDecoder, decoder);
    const input = new Tensor('float32', normalise(pixels), [1, 3, side, side]);
    embedding = floats(await exportedEncoder.run({ input }), 'output');
    rewritten = await encoder.run({ pixels: new Tensor('uint8', pixels, [side, side, 3]) });
  }, 60_000);
  afterAll(async () => {
    for (const session of sessions) await session.release();
  });

  const decode = (points: Float32Array, labels: Float32Array, mask: Float32Array | null, count = 1) => {
    const perPrompt = labels.length / count;
    return decoder.run({
      image_embeddings: new Tensor('float32', embedding, [1, 256, tokens, tokens]),
      position_grid: new Tensor('float32', positionGrid(tokens, tokens, 16), [tokens, tokens, 2]),
      point_coords: new Tensor('float32', points, [count, perPrompt, 2]),
      point_labels: new Tensor('float32', labels, [count, perPrompt]),
      mask_input: new Tensor('float32', mask ?? new Float32Array(256 * 256), [1, 1, 256, 256]),
      has_mask_input: new Tensor('float32', Float32Array.of(mask ? 1 : 0), [1]),
    });
  };

  it('encode a picture of bytes as the exported encoder encodes the normalised picture', () => {
    expect(worstDifference(floats(rewritten, 'image_embeddings'), embedding)).toBeLessThan(5e-6);
  });

  it('give each token as its centred features, of length 1', () => {
    const actual = floats(rewritten, 'tokens');
    const count = tokens * tokens;
    const expected = new Float32Array(count * 256);
    const lengths = new Float64Array(count);
    for (let channel = 0; channel < 256; channel++) {
      const plane = embedding.subarray(channel * count, (channel + 1) * count);
      const mean = plane.reduce((sum, value) => sum + value, 0) / count;
      for (let token = 0; token < count; token++) {
        const value = (plane[token] ?? 0) - mean;
        expected[token * 256 + channel] = value;
        lengths[token] = (lengths[token] ?? 0) + value * value;
      }
    }
    for (let i = 0; i < expected.length; i++) {
      expected[i] = (expected[i] ?? 0) / Math.sqrt(lengths[i >> 8] ?? 1);
    }
    expect(worstDifference(actual, expected)).toBeLessThan(1e-5);
  });

  it.each([
    ['a box', prompts.box, null],
    ['clicks', prompts.clicks, null],
    [
      'a box and an earlier mask',
      prompts.box,
      Float32Array.from({ length: 65536 }, (_, i) => Math.sin(i / 999) * 8),
    ],
  ] as const)(
    'decode %s as the exported decoder does, among other masks',
    async (_, { points, labels }, mask) => {
      const expected = await exportedDecoder.run({
        image_embeddings: new Tensor('float32', embedding, [1, 256, tokens, tokens]),
        point_coords: new Tensor('float32', points, [1, labels.length, 2]),
        point_labels: new Tensor('float32', labels, [1, labels.length]),
        mask_input: new Tensor('float32', mask ?? new Float32Array(65536), [1, 1, 256, 256]),
        has_mask_input: new Tensor('float32', Float32Array.of(mask ? 1 : 0), [1]),
        orig_im_size: new Tensor('float32', Float32Array.of(side, side), [2]),
      });
      const actual = await decode(points, labels, mask);
      const ious = floats(actual, 'predicted_iou');
      const [expectedIou = NaN] = floats(expected, 'iou_predictions');
      const chosen = ious.findIndex((iou) => Math.abs(iou - expectedIou) < 1e-5);
      expect(chosen).toBeGreaterThanOrEqual(0);
      const logits = floats(actual, 'mask_logits').subarray(chosen * 65536, (chosen + 1) * 65536);
      expect(worstDifference(logits, floats(expected, 'low_res_masks'))).toBeLessThan(1e-4);
    },
  );

  it('decode several prompts about one picture as they decode each', async () => {
    const other = { points: Float32Array.of(10, 700, 400, 1000), labels: Float32Array.of(2, 3) };
    const points = Float32Array.of(...prompts.box.points, ...other.points);
    const together = await decode(points, Float32Array.of(2, 3, 2, 3), null, 2);
    const first = floats(await decode(prompts.box.points, prompts.box.labels, null), 'mask_logits');
    const second = floats(await decode(other.points, other.labels, null), 'mask_logits');
    const logits = floats(together, 'mask_logits');
    expect(worstDifference(logits.subarray(0, first.length), first)).toBeLessThan(1e-3);
    expect(worstDifference(logits.subarray(first.length), second)).toBeLessThan(1e-3);
  });
});
