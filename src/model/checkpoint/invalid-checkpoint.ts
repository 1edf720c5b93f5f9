import { TrackcastError } from '../../errors.ts';

/** Longest part of a foreign name that a message repeats. */
const maxQuotedLength = 120;

export function invalidCheckpoint(reason: string, cause?: unknown): TrackcastError {
  const options = cause === undefined ? {} : { cause };
  return new TrackcastError(
    'TRACKCAST_CHECKPOINT_INVALID',
    `not a usable checkpoint: ${reason}`,
    {},
    options,
  );
}

/** A name from the file as it may stand in a message: cut, without control characters. */
export function quoteName(name: string): string {
  const shown = name.length > maxQuotedLength ? `${name.slice(0, maxQuotedLength)}…` : name;
  return shown.replace(/[\p{Cc}\p{Cs}]/gu, '�');
}
