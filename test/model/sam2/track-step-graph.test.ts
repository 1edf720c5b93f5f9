import { describe, expect, it } from 'vitest';
import type { Precision } from '../../../src/model/graph/graph-builder.ts';
import { buildMemoryAttention } from '../../../src/model/sam2/memory-attention-graph.ts';
import { buildMemoryEncoder } from '../../../src/model/sam2/memory-encoder-graph.ts';
import { buildPromptDecoder } from '../../../src/model/sam2/prompt-decoder-graph.ts';
import { buildTrackStep } from '../../../src/model/sam2/track-step-graph.ts';
import { expectClose, hasGoldens, readGolden } from './golden.ts';
import {
  activation,
  type Feed,
  GraphFixture,
  integers,
  nano,
  type Result,
  singles,
  type TensorValue,
} from './graph-fixture.ts';

const [imageSize, tokens, side] = [256, 256, 64];
const { channels, memoryChannels } = nano;
/** More than frames, on other frames than their own index, and with banks of unequal fill. */
const frameOfObject = [1, 0, 1];
const objects = frameOfObject.length;

type Results = Record<string, Result>;

/** Numbers without any order, the same each time, about as large as features are. */
function noise(length: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state / 2 ** 32 - 0.5) * 4;
  });
}

const filled = (shape: readonly number[], seed: number): Feed => {
  const length = shape.reduce((product, size) => product * size, 1);
  return activation({ shape, data: noise(length, seed) });
};

const pictures = {
  features: filled([2, tokens, channels], 1),
  high_res_0: filled([2, channels / 8, side, side], 2),
  high_res_1: filled([2, channels / 4, side / 2, side / 2], 3),
};

const attentionFeeds = {
  attention_start: filled([2, tokens, channels], 4),
  frame_of_object: integers(frameOfObject),
  memory: filled([objects, 3, tokens, memoryChannels], 5),
  memory_rows: integers([6, 1, 0, 6, 0, 0, 6, 1, 0], [objects, 3]),
  memory_valid: singles([1, 1, 1, 1, 1, 0, 1, 0, 0], [objects, 3]),
  pointers: filled([objects, 2, channels], 6),
  pointer_times: singles([0.2, 0.1, 0.1, 0, 0.1, 0.1], [objects, 2]),
  pointer_valid: singles([1, 1, 1, 0, 1, 1], [objects, 2]),
};

/** Rows of a batch of pictures, one for each object. */
function ofObjects({ shape: [, ...shape], data }: TensorValue): Feed {
  const length = shape.reduce((product, size) => product * size, 1);
  const picked = frameOfObject.flatMap((frame) =>
    Array.from(data).slice(frame * length, (frame + 1) * length),
  );
  return activation({ shape: [objects, ...shape], data: picked });
}

/** What the fused graph computes, by the three graphs that it is made of. */
async function stepApart(fixture: GraphFixture): Promise<Results> {
  const file = fixture.weightsFile;
  const { conditioned } = await fixture.run(buildMemoryAttention(file, nano, imageSize), attentionFeeds);
  const decoded = await fixture.run(buildPromptDecoder(file, nano, imageSize), {
    image_embedding: activation(given(conditioned)),
    no_memory: singles([0]),
    high_res_0: ofObjects(pictures.high_res_0),
    high_res_1: ofObjects(pictures.high_res_1),
    points: singles(new Float32Array(objects * 4), [objects, 2, 2]),
    labels: integers(new Float32Array(objects * 2).fill(-1), [objects, 2]),
    mask_prompt: singles(new Float32Array(side * side), [1, 1, side, side]),
    has_mask: singles([0]),
    multimask: singles(new Float32Array(objects).fill(1)),
  });
  const remembered = await fixture.run(buildMemoryEncoder(file, nano, imageSize), {
    features: pictures.features,
    frame_of_object: integers(frameOfObject),
    low_res_mask: singles(given(decoded['low_res_mask']).data, [objects, 1, side, side]),
    binarize: singles(new Float32Array(objects)),
    object_score: singles(given(decoded['object_score']).data, [objects, 1]),
  });
  return { ...decoded, new_memory: given(remembered['memory']) };
}

function stepFused(fixture: GraphFixture): Promise<Results> {
  return fixture.run(buildTrackStep(fixture.weightsFile, nano, imageSize), {
    ...attentionFeeds,
    ...pictures,
  });
}

function given(result: Result | undefined): Result {
  if (result === undefined) throw new Error('the graph lacks an output');
  return result;
}

function fixtureOf(precision: Precision, presence: number): GraphFixture {
  const weights = new Map<string, TensorValue>(readGolden('nano').tensors);
  // Noise is no object: the last layer's bias decides whether the model thinks that it is.
  weights.set('sam_mask_decoder.pred_obj_score_head.layers.2.bias', { shape: [1], data: [presence] });
  return new GraphFixture({ precision, weights });
}

describe.skipIf(!hasGoldens)('a tracked frame in one run', () => {
  it.each([
    ['present', 100],
    ['absent', -100],
  ])('gives what its three graphs give for objects that are %s', async (_, presence) => {
    using fixture = fixtureOf('float32', presence);
    const apart = await stepApart(fixture);
    const fused = await stepFused(fixture);
    expect(Array.from(given(fused['object_score']).data, Math.sign)).toEqual(
      new Array(objects).fill(Math.sign(presence)),
    );
    for (const [name, { data, shape }] of Object.entries(fused)) {
      const expected = given(apart[name]);
      expect(shape, name).toEqual(expected.shape);
      expectClose(data, expected.data, 1e-5, name);
    }
  });

  it('runs in half precision', async () => {
    using single = fixtureOf('float32', 100);
    using half = fixtureOf('float16', 100);
    const expected = await stepFused(single);
    const fused = await stepFused(half);
    expect(given(fused['mask_index']).data).toEqual(given(expected['mask_index']).data);
    for (const name of ['low_res_mask', 'pointer', 'new_memory']) {
      expectClose(given(fused[name]).data, given(expected[name]).data, 0.2, name);
    }
  });
});
