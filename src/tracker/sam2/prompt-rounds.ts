import type { PromptedTarget } from '../segmentation.ts';
import type { ObjectPrompt } from './prompted-object.ts';

/** Whether a prompt shows the whole object, rather than correcting what was found of it. */
export function showsAnew(shape: PromptedTarget['shape']): boolean {
  return shape.kind !== 'points' || shape.box !== undefined;
}

/** Prompts less those of objects that a later one shows anew. */
export function withoutOutdated(prompted: readonly PromptedTarget[]): PromptedTarget[] {
  return prompted.filter(
    ({ objectId }, at) =>
      !prompted.slice(at + 1).some((later) => later.objectId === objectId && showsAnew(later.shape)),
  );
}

/**
 * Prompts in rounds of one for each object, since what the next one comes to depends on the one before.
 *
 * @param isOnKept whether the frame may have been prompted before
 */
export function roundsOf(prompted: readonly PromptedTarget[], isOnKept: boolean): ObjectPrompt[][] {
  const rounds: ObjectPrompt[][] = [];
  const counts = new Map<number, number>();
  for (const { objectId, shape } of prompted) {
    const earlier = counts.get(objectId) ?? 0;
    counts.set(objectId, earlier + 1);
    const round = rounds[earlier] ?? [];
    rounds[earlier] = round;
    const isAnew = showsAnew(shape);
    round.push({ objectId, shape, isAnew, keepsEarlierPoints: (earlier > 0 || isOnKept) && !isAnew });
  }
  return rounds;
}
