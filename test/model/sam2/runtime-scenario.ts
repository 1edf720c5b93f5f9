import { expect } from 'vitest';
import { promptOne, rememberOne } from '../../../bench/one-object.ts';
import { fromHalf } from '../../../src/model/graph/half-float.ts';
import type {
  Activations,
  DecodedObject,
  ObjectMemory,
  ObjectStep,
  ProposedMasks,
  Sam2Runtime,
} from '../../../src/model/sam2/sam2-runtime.ts';
import { expectClose } from './golden.ts';
import { drawnPicture } from './random-model.ts';

/** What a runtime makes of one picture. */
export interface Performance {
  readonly prompted: DecodedObject;
  readonly memory: Activations;
  /** Of two objects, with one memory and with three. */
  readonly steps: readonly ObjectStep[];
  readonly refined: DecodedObject;
  readonly proposed: ProposedMasks;
}

/**
 * Lets a runtime use each of its graphs.
 *
 * @param known what another runtime made, to be remembered and refined instead of what this one makes
 */
export async function perform(runtime: Sam2Runtime, known?: Performance): Promise<Performance> {
  const side = runtime.geometry.imageSize;
  const click = (label: number) => ({ points: Float32Array.of(0.3 * side, 0.4 * side), labels: [label] });
  using features = await runtime.encode(drawnPicture(side));
  const prompted = await promptOne(runtime, features, {
    ground: { kind: 'initial' },
    sparse: click(1),
    mask: null,
    multimask: true,
  });
  const { lowResMask, objectScore, pointer } = known?.prompted ?? prompted;
  const memory = await rememberOne(runtime, features, lowResMask, objectScore);
  const objectOf = (rows: readonly number[]): ObjectMemory => ({
    memories: rows.map((row) => ({ memory: known?.memory ?? memory, row })),
    pointers: rows.map((_, at) => ({ pointer, time: (at + 1) / 15 })),
  });
  const steps = await runtime.step(features, [objectOf([6]), objectOf([6, 0, 3])]);
  const refined = await promptOne(runtime, features, {
    ground: { kind: 'remembered', memory: objectOf([6, 1]) },
    sparse: click(0),
    mask: lowResMask,
    multimask: false,
  });
  const proposed = await runtime.propose(
    features,
    Float32Array.of(0.2 * side, 0.2 * side, 0.5 * side, side / 2),
  );
  return { prompted, memory, steps, refined, proposed };
}

/** Compares numbers of two performances, of which logits are up to 30. */
export function expectSamePerformance(actual: Performance, expected: Performance, atol: number): void {
  expectSameObject(actual.prompted, expected.prompted, atol, 'prompted object');
  expectClose(floats(actual.memory), floats(expected.memory), atol, 'memory');
  expect(actual.steps).toHaveLength(expected.steps.length);
  for (const [at, step] of actual.steps.entries()) {
    const other = expected.steps[at] ?? expect.fail();
    expectSameObject(step, other, atol, `object ${at}`);
    expectClose(floats(step.memory), floats(other.memory), atol, `new memory of object ${at}`);
  }
  expectSameObject(actual.refined, expected.refined, atol, 'refined object');
  expectClose(actual.proposed.masks, expected.proposed.masks, atol, 'proposed masks');
  expectClose(actual.proposed.ious, expected.proposed.ious, atol, 'IoUs of proposed masks');
  const [pointers, others] = [floats(actual.proposed.pointers), floats(expected.proposed.pointers)];
  expectClose(pointers, others, atol, 'pointers of proposed masks');
}

function expectSameObject(actual: DecodedObject, expected: DecodedObject, atol: number, what: string): void {
  expectClose([actual.objectScore], [expected.objectScore], atol, `score of the ${what}`);
  expectClose(actual.ious, expected.ious, atol, `IoUs of the ${what}`);
  expect(actual.maskIndex, `mask index of the ${what}`).toBe(expected.maskIndex);
  expectClose(actual.lowResMask, expected.lowResMask, atol, `mask of the ${what}`);
  expectClose(floats(actual.pointer), floats(expected.pointer), atol, `pointer of the ${what}`);
}

const floats = (values: Activations) => (values instanceof Float32Array ? values : fromHalf(values));
