import { divideIntoRuns } from './object-batch.ts';
import type { ObjectMemory, PromptRequest } from './sam2-runtime.ts';

/**
 * Indices of prompts, divided into runs of such as one run can decode together, each of them exactly as it would be
 * alone: on the same ground, with equally many points, all with a mask or all without. A point too many, even one that
 * is none, would be a token to attend to, so none is added to make prompts alike.
 *
 * @param perRun prompts in a run at most
 * @param objectsPerRun objects that look through their memories in a run at most, see `objectsPerRun`
 */
export function alikePrompts(
  requests: readonly PromptRequest[],
  perRun: number,
  objectsPerRun: (memories: number) => number,
): number[][] {
  const groups = new Map<string, number[]>();
  for (const [index, { ground, sparse, mask }] of requests.entries()) {
    const kind = [ground.kind, sparse.labels.length, mask !== null].join(' ');
    const group = groups.get(kind);
    if (group === undefined) groups.set(kind, [index]);
    else group.push(index);
  }
  return [...groups.values()].flatMap((group) => {
    const memories = memoriesOf(group.map((index) => requests[index] as PromptRequest));
    if (memories.length === 0) return inParts(group, perRun);
    const runs = divideIntoRuns(memories, (count) => Math.min(perRun, objectsPerRun(count)));
    return runs.map((run) => run.map((at) => group[at] as number));
  });
}

/** What prompts look through, those that do. */
export function memoriesOf(requests: readonly PromptRequest[]): ObjectMemory[] {
  return requests.flatMap(({ ground }) => (ground.kind === 'remembered' ? [ground.memory] : []));
}

/** A list in parts of equal length; the last may be shorter. */
export function inParts<Item>(items: readonly Item[], length: number): Item[][] {
  const parts: Item[][] = [];
  for (let start = 0; start < items.length; start += length) parts.push(items.slice(start, start + length));
  return parts;
}
