import { readFile, stat } from 'node:fs/promises';
import { TrackcastError } from '../../errors.ts';
import { readModel } from '../graph/onnx-format.ts';

/** Larger detectors do not run live; refusing early keeps a wrong file from taking memory. */
const maxFileBytes = 1024 * 1024 * 1024;

/** A detector's file, of which only the outside has been looked at. */
export interface DetectorFile {
  readonly bytes: Uint8Array;
  /** The text under `names` among the model's own facts, where exporters put the classes. */
  readonly names: string | undefined;
}

/**
 * Reads an ONNX file.
 *
 * @throws TrackcastError TRACKCAST_MODEL_INVALID for anything but an ONNX graph with its weights inside
 */
export async function readDetectorFile(path: string): Promise<DetectorFile> {
  const size = await sizeOfDetector(path);
  const key = 'DETECTOR_MODEL';
  if (size > maxFileBytes) {
    const message = `${key} ${path}: ${size} bytes are more than a detector may have, ${maxFileBytes}`;
    throw new TrackcastError('TRACKCAST_MODEL_INVALID', message, { key });
  }
  const bytes = await readFile(path);
  const model = readModel(bytes, `${key} ${path}`);
  return { bytes, names: model.metadataProps?.find((entry) => entry.key === 'names')?.value };
}

/** Bytes of a detector's file. Throws `TRACKCAST_MODEL_INVALID` where there is none. */
export async function sizeOfDetector(path: string): Promise<number> {
  const key = 'DETECTOR_MODEL';
  try {
    const found = await stat(path);
    if (found.isFile()) return found.size;
  } catch {
    // Whatever keeps it from being read, there is no model for us.
  }
  throw new TrackcastError('TRACKCAST_MODEL_INVALID', `${key} ${path}: there is no such file`, { key });
}
