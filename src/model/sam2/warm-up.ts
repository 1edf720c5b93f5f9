import { setImmediate } from 'node:timers/promises';
import type {
  DecodedObject,
  FrameFeatures,
  MaskToRemember,
  ObjectMemory,
  ObjectStep,
  PromptRequest,
  Sam2Runtime,
} from './sam2-runtime.ts';

/**
 * Runs every graph once, so that no frame pays for what comes with a first run, and then batches of every size that
 * will come, where the first run of a size takes longer than later ones. Leaves nothing behind.
 *
 * @param candidates whether steps will be asked for all their masks, see `ObjectMemory`
 * @param signal asks to give up, which happens before the next run; rejects with its reason then
 */
export async function warmUp(runtime: Sam2Runtime, candidates: boolean, signal?: AbortSignal): Promise<void> {
  const { imageSize } = runtime.geometry;
  const goOn = async () => {
    // Runs keep the thread to themselves: what asks to give up comes through now.
    await setImmediate();
    signal?.throwIfAborted();
  };
  await goOn();
  using features = await runtime.encode(new Uint8Array(imageSize * imageSize * 3).fill(127));
  await goOn();
  const click = clickOn(imageSize);
  const [shown] = await runtime.promptAll(features, [click]);
  if (shown === undefined) throw new Error('a prompt came to nothing');
  await goOn();
  const [memory] = await runtime.rememberAll(features, [shown]);
  if (memory === undefined) throw new Error('nothing was remembered');
  const objectWith = (memories: number): ObjectMemory => ({
    memories: repeat({ memory, row: runtime.architecture.memories - 1 }, memories),
    pointers: repeat({ pointer: shown.pointer, time: 1 }, memories),
    candidates,
  });
  await goOn();
  await runtime.propose(features, click.sparse.points);
  await goOn();
  await stepAndForget(runtime, features, [objectWith(1)]);
  await goOn();
  const ground = { kind: 'remembered', memory: objectWith(1) } as const;
  await runtime.promptAll(features, [{ ...click, ground, mask: shown.lowResMask }]);
  await warmUpSizes(runtime, features, shown, objectWith, goOn);
  runtime.recycle?.(memory);
}

/**
 * Runs batches of the sizes that are slow at first. Their objects have one memory, so that trying sizes takes less than
 * using them; an object alone is tried with each number of memories.
 */
async function warmUpSizes(
  runtime: Sam2Runtime,
  features: FrameFeatures,
  shown: DecodedObject,
  objectWith: (memories: number) => ObjectMemory,
  goOn: () => Promise<void>,
): Promise<void> {
  const { architecture, geometry, slowAtFirst } = runtime;
  if (slowAtFirst === undefined) return;
  const click = clickOn(geometry.imageSize);
  const [near, far] = [geometry.imageSize / 4, (3 * geometry.imageSize) / 4];
  const kinds: readonly PromptRequest[] = [
    click,
    { ...click, sparse: { points: Float32Array.of(near, near, far, far), labels: [2, 3] } },
    { ...click, ground: { kind: 'raw' }, mask: shown.lowResMask },
  ];
  for (const size of slowAtFirst.prompts) {
    for (const request of kinds) {
      await goOn();
      await runtime.promptAll(features, repeat(request, size));
    }
    await goOn();
    await rememberAndForget(runtime, features, repeat(shown, size));
  }
  for (const size of slowAtFirst.objects) {
    await goOn();
    await stepAndForget(runtime, features, repeat(objectWith(1), size));
  }
  if (slowAtFirst.objects.length === 0) return;
  for (let memories = 2; memories <= architecture.memories; memories++) {
    await goOn();
    await stepAndForget(runtime, features, [objectWith(memories)]);
  }
}

function clickOn(imageSize: number): PromptRequest {
  const sparse = { points: Float32Array.of(imageSize / 2, imageSize / 2), labels: [1] };
  return { ground: { kind: 'initial' }, sparse, mask: null, multimask: true };
}

async function stepAndForget(
  runtime: Sam2Runtime,
  features: FrameFeatures,
  objects: readonly ObjectMemory[],
): Promise<void> {
  const steps: ObjectStep[] = await runtime.step(features, objects);
  for (const { memory } of steps) runtime.recycle?.(memory);
}

async function rememberAndForget(
  runtime: Sam2Runtime,
  features: FrameFeatures,
  objects: readonly MaskToRemember[],
): Promise<void> {
  for (const memory of await runtime.rememberAll(features, objects)) runtime.recycle?.(memory);
}

function repeat<Item>(item: Item, count: number): Item[] {
  return new Array<Item>(count).fill(item);
}
