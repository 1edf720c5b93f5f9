import { type RunLengthMask, readRuns } from './run-length.ts';
import { RunWriter } from './run-writer.ts';

const writer = new RunWriter();

/**
 * Compresses COCO's uncompressed run lengths: column-major, beginning with a run of zeros that may be empty.
 *
 * Throws `TRACKCAST_MASK_INVALID` when they do not add up to the size.
 */
export function runLengthFromCounts(counts: readonly number[], width: number, height: number): RunLengthMask {
  writer.begin();
  for (const count of counts) writer.push(count);
  const mask: RunLengthMask = { size: [height, width], counts: writer.text() };
  readRuns(mask);
  return mask;
}
