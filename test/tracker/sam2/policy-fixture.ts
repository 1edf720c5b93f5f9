import type { Activations } from '../../../src/model/sam2/sam2-runtime.ts';
import type { FrameOutcome, MemoryPolicy, StoredMemory } from '../../../src/tracker/sam2/memory-policy.ts';

/** Side of the masks in tests of policies. */
export const maskSide = 32;

/** Logits of a mask that is a rectangle, or several. */
export function rectangles(
  ...boxes: readonly (readonly [x: number, y: number, width: number, height: number])[]
): Float32Array {
  return Float32Array.from({ length: maskSide ** 2 }, (_, at) => {
    const [px, py] = [at % maskSide, Math.floor(at / maskSide)];
    const isInside = boxes.some(([x, y, w, h]) => px >= x && px < x + w && py >= y && py < y + h);
    return isInside ? 4 : -4;
  });
}

/** An object that was found well by its first multimask token, unless said otherwise. */
export function outcomeOf(mask: Float32Array, changes: Partial<FrameOutcome> = {}): FrameOutcome {
  return {
    provenance: 'tracked',
    lowResMask: mask,
    ious: Float32Array.of(0.9, 0.9, 0.8, 0.8),
    maskIndex: 1,
    objectScore: 5,
    pointer: new Float32Array(4),
    ...changes,
  };
}

/** What an object's absence looks like. */
export const absence = outcomeOf(new Float32Array(maskSide ** 2).fill(-1024), { objectScore: -3 });

/** Candidates of three masks, pointers aside. */
export function candidatesOf(...masks: readonly Float32Array[]): NonNullable<FrameOutcome['candidates']> {
  return {
    masks: Float32Array.from(masks.flatMap((mask) => [...mask])),
    pointers: new Float32Array(masks.length * 4),
  };
}

/** Opens a policy for one object, and plays frames to it; times are also the values of memories. */
export function openPolicy(policy: MemoryPolicy) {
  const released: number[] = [];
  const memories = new Map<Activations, number>();
  const object = policy.open({
    rows: 7,
    maskSize: maskSide,
    release: (memory) => {
      released.push(memories.get(memory) ?? Number.NaN);
      memories.delete(memory);
    },
  });
  return {
    object,
    /** Times whose memories were given back, in that order. */
    released,
    /** Times whose memories are held. */
    held: () => [...memories.values()].sort((a, b) => a - b),
    keep(time: number, outcome: FrameOutcome, memory: Activations = Float32Array.of(time)): void {
      memories.set(memory, time);
      const stored: StoredMemory = { frame: time + 100, time, memory };
      object.keep(stored, outcome);
    },
    recall: (now: number) => object.recall(now, []).map(({ stored, row }) => [stored.time, row]),
  };
}
