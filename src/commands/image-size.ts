import { InvalidArgumentError } from 'commander';
import { TrackcastError } from '../errors.ts';
import { geometryOf } from '../model/sam2/recognise.ts';

/** Reads the side of the model's square input from the command line, pixels. */
export function imageSize(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('not a whole number');
  try {
    return geometryOf(Number(text)).imageSize;
  } catch (error) {
    // The setting's name would mislead: it is the option that is wrong.
    if (error instanceof TrackcastError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}
