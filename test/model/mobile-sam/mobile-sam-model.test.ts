import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DecodedMasks, MobileSamModel } from '../../../src/model/mobile-sam/mobile-sam-model.ts';
import { readAnnotation, readJpeg } from './picture-files.ts';

const swan = fileURLToPath(
  new URL('../../../../shared/video/dev/general/vos/davis_blackswan', import.meta.url),
);
const hasVideos = existsSync(swan);
if (!hasVideos) console.warn('SKIPPED: test videos are not here, so masks of real pictures are not checked');

/** A bright disc on a dark ground. */
function drawDisc(
  width: number,
  height: number,
  pixels: Uint8Array = new Uint8Array(width * height * 3),
): Uint8Array {
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const inside = Math.hypot(x - width / 2, y - height / 2) < height / 4;
      pixels.set(inside ? [230, 190, 40] : [40, 60, 70], (y * width + x) * 3);
    }
  }
  return pixels;
}

/** Overlap of the mask the model rates best with a test of model pixels. */
function bestOverlap(masks: DecodedMasks, contains: (x: number, y: number) => boolean): number {
  const best = masks.predictedIou.indexOf(Math.max(...masks.predictedIou));
  const count = masks.width * masks.height;
  let common = 0;
  let either = 0;
  for (let i = 0; i < count; i++) {
    const predicted = (masks.logits[best * count + i] ?? 0) > 0;
    const expected = contains((i % masks.width) * 4 + 2, Math.floor(i / masks.width) * 4 + 2);
    if (predicted && expected) common++;
    if (predicted || expected) either++;
  }
  return common / either;
}

const discBox = (width: number, height: number) => {
  const radius = height / 4;
  const [x, y] = [width / 2, height / 2];
  return Float32Array.of(x - radius, y - radius, x + radius, y + radius);
};

describe('MobileSamModel', () => {
  let model: MobileSamModel;
  beforeAll(async () => {
    model = await MobileSamModel.load({ intraOpThreads: 1 });
  });
  afterAll(() => model.dispose());

  it.each([
    [512, 512],
    [512, 288],
    [288, 512],
    [400, 240],
    [16, 16],
  ])('encodes pictures of %i x %i and finds what a box shows', async (width, height) => {
    const embedding = await model.encode(drawDisc(width, height), width, height);
    expect([embedding.tokenColumns, embedding.tokenRows]).toEqual([width / 16, height / 16]);
    expect(embedding.tokens).toHaveLength((width / 16) * (height / 16) * 256);
    const points = discBox(width, height);
    const masks = await model.decode(embedding, { points, labels: Float32Array.of(2, 3), maskLogits: null });
    expect([masks.width, masks.height]).toEqual([width / 4, height / 4]);
    const overlap = bestOverlap(masks, (x, y) => Math.hypot(x - width / 2, y - height / 2) < height / 4);
    // One token is too little to see a disc in; it only has to work.
    if (width > 16) expect(overlap).toBeGreaterThan(0.9);
    embedding.dispose();
  });

  it('reads shared memory and gives each caller its own arrays', async () => {
    const shared = drawDisc(256, 256, new Uint8Array(new SharedArrayBuffer(256 * 256 * 3)));
    const first = await model.encode(shared, 256, 256);
    const firstTokens = first.tokens.slice();
    await model.encode(new Uint8Array(shared.length).fill(90), 256, 256);
    expect(first.tokens).toEqual(firstTokens);
    const click = { points: Float32Array.of(128, 128), labels: Float32Array.of(1), maskLogits: null };
    const clicked = await model.decode(first, click);
    const logits = clicked.logits.slice();
    await model.decode(first, { ...click, points: Float32Array.of(5, 5) });
    expect(clicked.logits).toEqual(logits);
  });

  it('gives finite tokens for a picture of one colour', async () => {
    const { tokens } = await model.encode(new Uint8Array(256 * 256 * 3).fill(124), 256, 256);
    expect(tokens.every(Number.isFinite)).toBe(true);
  });

  it('finds the same object when the picture is padded with the mean colour', async () => {
    const width = 512;
    const content = drawDisc(width, 288);
    const padded = new Uint8Array(width * 384 * 3);
    for (let i = 0; i < padded.length; i += 3) padded.set([124, 116, 104], i);
    padded.set(content);
    const points = discBox(width, 288);
    const embedding = await model.encode(padded, width, 384);
    const masks = await model.decode(embedding, { points, labels: Float32Array.of(2, 3), maskLogits: null });
    expect(bestOverlap(masks, (x, y) => Math.hypot(x - 256, y - 144) < 72)).toBeGreaterThan(0.9);
  });

  it('follows mask logits given as an earlier guess', async () => {
    const embedding = await model.encode(drawDisc(512, 288), 512, 288);
    const prompt = { points: Float32Array.of(256, 144), labels: Float32Array.of(1) };
    const without = await model.decode(embedding, { ...prompt, maskLogits: null });
    const guess = without.logits.slice(0, without.width * without.height);
    const withGuess = await model.decode(embedding, { ...prompt, maskLogits: guess });
    expect(withGuess.logits).not.toEqual(without.logits);
    expect(bestOverlap(withGuess, (x, y) => Math.hypot(x - 256, y - 144) < 72)).toBeGreaterThan(0.9);
  });

  it('runs overlapping calls one after another, for more sizes than it keeps sessions', async () => {
    const sizes = [64, 80, 96, 112, 128, 64];
    const embeddings = await Promise.all(sizes.map((side) => model.encode(drawDisc(side, side), side, side)));
    expect(embeddings.map(({ width }) => width)).toEqual(sizes);
    expect(embeddings[0]?.tokens).toEqual(embeddings[5]?.tokens);
  });

  it('refuses wrong sizes without harm to later calls', async () => {
    await expect(model.encode(new Uint8Array(5), 64, 64)).rejects.toThrow(RangeError);
    await expect(model.encode(new Uint8Array(60 * 64 * 3), 60, 64)).rejects.toThrow(RangeError);
    const embedding = await model.encode(drawDisc(64, 64), 64, 64);
    const prompt = { points: new Float32Array(2), labels: new Float32Array(2), maskLogits: null };
    await expect(model.decode(embedding, prompt)).rejects.toThrow(RangeError);
    const short = {
      points: new Float32Array(2),
      labels: new Float32Array(1),
      maskLogits: new Float32Array(3),
    };
    await expect(model.decode(embedding, short)).rejects.toThrow(RangeError);
    expect((await model.decode(embedding, { ...short, maskLogits: null })).predictedIou).toHaveLength(4);
  });

  it('refuses to run once disposed of', async () => {
    const other = await MobileSamModel.load({ intraOpThreads: 1 });
    const running = other.encode(drawDisc(64, 64), 64, 64);
    await Promise.all([other.dispose(), other.dispose()]);
    expect((await running).width).toBe(64);
    await expect(other.encode(drawDisc(64, 64), 64, 64)).rejects.toMatchObject({
      code: 'TRACKCAST_INFERENCE_FAILED',
    });
  });

  it.skipIf(!hasVideos)('agrees with the annotation of a real picture, prompted by its box', async () => {
    const { width, height, objects } = readAnnotation(`${swan}/Annotations/00000.png`);
    const [modelWidth, modelHeight] = [1024, 576];
    const box = [Infinity, Infinity, 0, 0] as [number, number, number, number];
    for (const [i, object] of objects.entries()) {
      if (object !== 1) continue;
      const [x, y] = [i % width, Math.floor(i / width)];
      box[0] = Math.min(box[0], x);
      box[1] = Math.min(box[1], y);
      box[2] = Math.max(box[2], x + 1);
      box[3] = Math.max(box[3], y + 1);
    }
    const points = Float32Array.from(box, (v, i) =>
      i % 2 ? (v * modelHeight) / height : (v * modelWidth) / width,
    );
    const picture = readJpeg(`${swan}/JPEGImages/00000.jpg`, modelWidth, modelHeight);
    const embedding = await model.encode(picture, modelWidth, modelHeight);
    const masks = await model.decode(embedding, { points, labels: Float32Array.of(2, 3), maskLogits: null });
    const inObject = (x: number, y: number) => {
      const sourceX = Math.floor((x * width) / modelWidth);
      const sourceY = Math.floor((y * height) / modelHeight);
      return objects[sourceY * width + sourceX] === 1;
    };
    expect(bestOverlap(masks, inObject)).toBeGreaterThan(0.8);
  });
});
