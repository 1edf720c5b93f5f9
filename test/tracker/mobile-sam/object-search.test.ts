import { describe, expect, it } from 'vitest';
import type { DecodedMasks } from '../../../src/model/mobile-sam/mobile-sam-model.ts';
import { ObjectSearch } from '../../../src/tracker/mobile-sam/object-search.ts';
import { tokenCoverage } from '../../../src/tracker/mobile-sam/token-grid.ts';

const grid = { width: 64, height: 48 };
const size = grid.width * grid.height;

function mask(x: number, y: number, width: number, height: number): Float32Array {
  const logits = new Float32Array(size).fill(-6);
  for (let row = y; row < y + height; row++) logits.fill(6, row * 64 + x, row * 64 + x + width);
  return logits;
}

const here = mask(16, 12, 16, 12);
const elsewhere = mask(48, 32, 8, 8);
const nowhere = new Float32Array(tokenCoverage(here, grid).length);

function decoded(...masks: readonly (readonly [Float32Array, number])[]): DecodedMasks {
  const logits = new Float32Array(size * masks.length);
  masks.forEach(([data], at) => {
    logits.set(data, at * size);
  });
  const predictedIou = Float32Array.from(masks, ([, predicted]) => predicted);
  return { width: grid.width, height: grid.height, logits, predictedIou };
}

function search(soft: Float32Array, prior: Float32Array | null, priorSupport = 1): ObjectSearch {
  return new ObjectSearch(grid, { soft, prior, priorSupport });
}

describe('ObjectSearch', () => {
  it('prompts with the box and an inner point of what memory expects, in model pixels', () => {
    const [prompt] = search(tokenCoverage(here, grid), null).prompts();
    const [x = 0, y = 0, ...box] = prompt?.points ?? [];
    expect([...(prompt?.labels ?? [])]).toEqual([1, 2, 3]);
    expect(box).toEqual([64, 48, 128, 96]);
    expect(x > 64 && x < 128 && y > 48 && y < 96).toBe(true);
    expect(prompt?.maskLogits?.length).toBe(size);
    expect(prompt?.maskLogits?.[18 * 64 + 24]).toBeGreaterThan(0);
    expect(prompt?.maskLogits?.[40 * 64 + 52]).toBeLessThan(0);
  });

  it('also prompts where motion has carried the mask', () => {
    const prompts = search(tokenCoverage(here, grid), elsewhere).prompts();
    expect(prompts).toHaveLength(2);
    expect([...(prompts[1]?.points.subarray(2) ?? [])]).toEqual([192, 128, 224, 160]);
  });

  it('has no prompt for an object that neither memory nor motion places', () => {
    expect(search(nowhere, null).prompts()).toEqual([]);
    expect(search(nowhere, null).finish()).toBeNull();
  });

  it('takes the mask that memory and motion agree on', () => {
    const found = search(tokenCoverage(here, grid), here);
    found.consider(decoded([elsewhere, 0.99], [here, 0.9], [mask(8, 8, 40, 30), 0.95]));
    found.consider(decoded([mask(16, 12, 8, 12), 0.99]));
    const best = found.finish();
    expect(best?.logits).toEqual(here);
    expect(best).toMatchObject({ predictedIou: expect.closeTo(0.9, 5), motionAgreement: 1 });
    expect(best?.memoryAgreement).toBeGreaterThan(0.7);
  });

  it('is settled only when memory, motion and the decoder agree', () => {
    const found = search(tokenCoverage(here, grid), here);
    expect(found.isSettled).toBe(false);
    found.consider(decoded([elsewhere, 0.99]));
    expect(found.isSettled).toBe(false);
    found.consider(decoded([here, 0.99]));
    expect(found.isSettled).toBe(true);
  });

  it('says that an object is absent when nothing that was drawn is it', () => {
    const stranger = search(tokenCoverage(here, grid), null);
    stranger.consider(decoded([elsewhere, 0.99]));
    expect(stranger.finish()).toBeNull();
    const doubtful = search(tokenCoverage(here, grid), here);
    doubtful.consider(decoded([here, 0.2]));
    expect(doubtful.finish()).toBeNull();
  });

  it('gives what little speaks for an object out of view, for its looks to decide, but nothing from elsewhere', () => {
    // A third of what memory expects, as when something passes in front.
    const part = mask(16, 12, 5, 12);
    const elsewhere = mask(44, 30, 8, 8);
    const outOfView = () => search(tokenCoverage(here, grid), null);
    const [near, far] = [outOfView(), outOfView()];
    near.consider(decoded([part, 0.95]));
    far.consider(decoded([elsewhere, 0.95]));
    expect(near.finish()?.logits).toEqual(part);
    expect(far.finish()).toBeNull();
  });

  it('gives logits that outlive the decoder', () => {
    const found = search(tokenCoverage(here, grid), here);
    const masks = decoded([here, 0.9]);
    found.consider(masks);
    const best = found.finish();
    masks.logits.fill(0);
    expect(best?.logits).toEqual(here);
  });
});
