import type { PromptShape } from '../prompting/prompt.ts';
import { invalidPrompt, type PromptEntry, type PromptMoment } from './prompt-entry.ts';

/** What is done on one frame, in order. */
export interface FramePrompts {
  readonly before: readonly PromptEntry[];
  readonly after: readonly PromptEntry[];
}

export const noPrompts: FramePrompts = { before: [], after: [] };

/**
 * Decides when each entry takes effect, in the order of frames and, on one frame, of the file. An object that does
 * not exist yet is always shown before the frame is tracked. An entry that does not say when is joined to the one
 * before it about the same object on the same frame; the first one corrects what was tracked when it holds only
 * negative clicks, which cannot describe an object, and otherwise shows the object anew.
 *
 * Throws `TRACKCAST_PROMPT_INVALID`, naming the entry, for removals of what does not exist, objects that were
 * removed before, new objects of which only negative clicks are given, and entries of one object on one frame that
 * are not in the order of time.
 *
 * @param ahead whether all prompts are given before the first frame is tracked, so that nothing can be corrected
 */
export function schedulePrompts(
  entries: readonly PromptEntry[],
  ahead = false,
): ReadonlyMap<number, FramePrompts> {
  const schedule = new Map<number, Record<PromptMoment, PromptEntry[]>>();
  const objects = new Map<number, ObjectHistory>();
  for (const entry of entries.toSorted((one, other) => one.frame - other.frame)) {
    const { frame, objectId, action, name } = entry;
    if (ahead && (action.kind === 'remove' || entry.when === 'after')) {
      throw invalidPrompt(`${name}: prompts that are given ahead can neither correct nor remove`);
    }
    const history = objects.get(objectId);
    const moment = momentOf(entry, history, ahead);
    objects.set(objectId, { frame, moment, isRemoved: action.kind === 'remove' });
    const prompts = schedule.get(frame) ?? { before: [], after: [] };
    prompts[moment].push(entry);
    schedule.set(frame, prompts);
  }
  return schedule;
}

/** The newest entry about an object. */
interface ObjectHistory {
  readonly frame: number;
  readonly moment: PromptMoment;
  readonly isRemoved: boolean;
}

function momentOf(
  { action, when, name, frame }: PromptEntry,
  history: ObjectHistory | undefined,
  ahead: boolean,
): PromptMoment {
  if (history?.isRemoved === true) {
    throw invalidPrompt(`${name}: the object was removed; ids are not used again`);
  }
  const isCorrection = action.kind === 'show' && isNegative(action.shape);
  if (history === undefined) {
    if (action.kind === 'remove') throw invalidPrompt(`${name}: there is no such object to remove`);
    if (isCorrection && when === null) {
      throw invalidPrompt(`${name}: a new object needs more than negative clicks`);
    }
    return 'before';
  }
  const earlier = history.frame === frame ? history.moment : null;
  if (earlier === 'after' && when === 'before') {
    throw invalidPrompt(
      `${name}: it comes after a correction of this object, so it cannot come before tracking`,
    );
  }
  return when ?? earlier ?? (isCorrection && !ahead ? 'after' : 'before');
}

function isNegative(shape: PromptShape): boolean {
  return (
    shape.kind === 'points' && shape.box === undefined && shape.points.every(({ positive }) => !positive)
  );
}
