import { TrackcastError } from '../errors.ts';
import type { Sequence } from './sequence.ts';

/** Which part of the material is used. */
export interface SequenceSelection {
  /** Parts of names; a sequence whose name contains one of them is used. Null for all. */
  readonly names: readonly string[] | null;
  /** Frame that comes first. */
  readonly firstFrame: number;
  /** Frames of each sequence at most. */
  readonly maxFrames: number;
}

/**
 * The chosen sequences, cut to the chosen frames, which are counted anew from 0.
 *
 * @throws TrackcastError `TRACKCAST_SOURCE_UNREADABLE` for a name that no sequence has, and when nothing is left
 */
export function selectSequences(sequences: readonly Sequence[], selection: SequenceSelection): Sequence[] {
  const { names, firstFrame, maxFrames } = selection;
  const strange = names?.find((part) => !sequences.some(({ name }) => name.includes(part)));
  if (strange !== undefined) {
    throw new TrackcastError('TRACKCAST_SOURCE_UNREADABLE', `no sequence is called ${strange}`);
  }
  const selected = sequences
    .filter(({ name }) => names === null || names.some((part) => name.includes(part)))
    .map((sequence) => excerpt(sequence, firstFrame, maxFrames))
    .filter(({ pictures }) => pictures.length > 0);
  if (selected.length === 0) {
    throw new TrackcastError('TRACKCAST_SOURCE_UNREADABLE', `no sequence has a frame ${firstFrame}`);
  }
  return selected;
}

function excerpt(sequence: Sequence, first: number, count: number): Sequence {
  const within = (masks: Sequence['annotations']) =>
    new Map(
      [...masks]
        .filter(([index]) => index >= first && index < first + count)
        .map(([index, path]) => [index - first, path] as const),
    );
  return {
    ...sequence,
    pictures: sequence.pictures.slice(first, first + count),
    annotations: within(sequence.annotations),
    prompts: within(sequence.prompts),
  };
}
