import { expect, it } from 'vitest';
import { SharedSegmenter } from '../../src/evaluation/shared-segmenter.ts';
import { CountingSegmenter } from './counting-segmenter.ts';

it('loads models once, and disposes of them at the end only', async () => {
  const models = new CountingSegmenter();
  const shared = new SharedSegmenter();
  let loads = 0;
  const load = async () => {
    loads++;
    return models;
  };
  const first = await shared.open(load);
  await first.dispose();
  const second = await shared.open(load);
  second.closeStream('a');
  expect(loads).toBe(1);
  expect(models).toMatchObject({ closed: ['a'], disposals: 0 });
  await shared.dispose();
  expect(models.disposals).toBe(1);
});

it('has nothing to dispose of where nothing was loaded', async () => {
  await new SharedSegmenter().dispose();
  const failing = new SharedSegmenter();
  const opened = failing.open(async () => {
    throw new Error('no model');
  });
  await expect(opened).rejects.toThrow('no model');
  await failing.dispose();
});
