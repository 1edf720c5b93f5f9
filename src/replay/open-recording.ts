import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { TrackcastError } from '../errors.ts';
import { errorCode } from '../system-error.ts';
import { pictureRecording } from './picture-recording.ts';
import { openRawFile, openRawFiles } from './raw-recording.ts';
import type { PictureSize, Recording } from './recording.ts';
import { openFramesTensor } from './tensor-recording.ts';
import { openVideo } from './video-recording.ts';

const pictureEndings: ReadonlySet<string> = new Set(['.png', '.jpg', '.jpeg']);
const rawEndings: ReadonlySet<string> = new Set(['.rgb', '.raw']);

export interface RecordingOptions {
  /** Of raw frames; null when it is not given. */
  readonly rawSize: PictureSize | null;
  /** Size of frames in a raw file of which no size is given: that of the model's input, null where it has none. */
  readonly modelSize: () => Promise<PictureSize | null>;
}

/**
 * Opens a recording, by what its path is: a folder of PNG and JPEG pictures, a folder of raw frames (`.rgb`,
 * `.raw`), a file of raw frames, a `.safetensors` file with a tensor `frames`, otherwise a video file. Nothing
 * stays open.
 *
 * Throws `TRACKCAST_SOURCE_UNREADABLE`, `TRACKCAST_CHECKPOINT_INVALID`, `TRACKCAST_DECODER_FAILED`.
 */
export async function openRecording(path: string, options: RecordingOptions): Promise<Recording> {
  const { rawSize, modelSize } = options;
  if (await isFolder(path)) return await openFolder(path, rawSize);
  const ending = extname(path).toLowerCase();
  if (rawEndings.has(ending)) return await openRawFile(path, rawSize, modelSize);
  if (rawSize !== null) throw unreadable(path, 'a size of raw frames is given, but it holds none');
  return ending === '.safetensors' ? await openFramesTensor(path) : await openVideo(path);
}

/** Whether only a run with prompts can read what lies there; files that are missing are left to their reader. */
export async function isVideoFile(path: string): Promise<boolean> {
  const ending = extname(path).toLowerCase();
  const isOther = rawEndings.has(ending) || ending === '.safetensors';
  return !isOther && !(await isFolder(path).catch(() => false));
}

async function openFolder(folder: string, rawSize: PictureSize | null): Promise<Recording> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw unreadable(folder, 'the folder cannot be listed', cause);
  });
  const withEnding = (endings: ReadonlySet<string>) =>
    inOrder(names.filter((name) => endings.has(extname(name).toLowerCase()) && !name.startsWith('.'))).map(
      (name) => join(folder, name),
    );
  const pictures = withEnding(pictureEndings);
  const raw = withEnding(rawEndings);
  if (pictures.length > 0 && raw.length > 0) {
    throw unreadable(folder, 'it holds both pictures and raw frames');
  }
  if (raw.length > 0) return await openRawFiles(raw, rawSize);
  if (pictures.length === 0) {
    throw unreadable(folder, 'it holds neither pictures (.png, .jpg, .jpeg) nor raw frames (.rgb, .raw)');
  }
  if (rawSize !== null) throw unreadable(folder, 'a size of raw frames is given, but it holds pictures');
  return pictureRecording(pictures);
}

/** By number where all names are numbers, as the published loader does; else by name. */
function inOrder(names: readonly string[]): string[] {
  const stem = (name: string) => basename(name, extname(name));
  const byName = names.toSorted();
  if (!names.every((name) => /^\d{1,15}$/.test(stem(name)))) return byName;
  return byName.sort((one, other) => Number(stem(one)) - Number(stem(other)));
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    const reason = errorCode(cause);
    throw unreadable(path, reason, cause);
  }
}

function unreadable(path: string, reason: string, cause?: unknown): TrackcastError {
  const message = `Cannot read ${path}: ${reason}.`;
  return new TrackcastError('TRACKCAST_SOURCE_UNREADABLE', message, { key: path }, { cause });
}
