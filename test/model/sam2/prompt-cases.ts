import type { GoldenFile } from './golden.ts';
import { activation, type Feed, integers, singles, toTokens } from './graph-fixture.ts';

/** The prompts that both golden files of the decoder have under the same names. */
export const promptCases = ['pos1', 'posneg', 'box', 'box_pos', 'none', 'stable3'] as const;

/** The pictures of the golden decoder runs. */
export function pictureFeeds(decoder: GoldenFile, embedding = 'image_embeddings'): Record<string, Feed> {
  return {
    image_embedding: activation(toTokens(decoder.get(embedding))),
    no_memory: singles([0]),
    high_res_0: activation(decoder.get('high_res.0')),
    high_res_1: activation(decoder.get('high_res.1')),
  };
}

/** Points of a golden prompt with the padding point, and no mask. */
export function promptFeeds(prompts: GoldenFile, name: string, multimask: number): Record<string, Feed> {
  const points = [...prompts.floats(`${name}.coords`), 0, 0];
  const labels = [...prompts.integers(`${name}.labels`), -1];
  return {
    points: singles(points, [1, labels.length, 2]),
    labels: integers(labels, [1, labels.length]),
    mask_prompt: singles(new Float32Array(64 * 64), [1, 1, 64, 64]),
    has_mask: singles([0]),
    multimask: singles([multimask]),
  };
}
