import { type FileHandle, open, stat } from 'node:fs/promises';
import { TrackcastError } from '../errors.ts';
import { errorCode } from '../system-error.ts';
import { isPictureSize, type PictureSize, type Recording, timestampOf } from './recording.ts';

/** Where the frames of a raw recording lie: each is the interleaved RGB of one picture, rows from the top. */
interface RawFrames extends PictureSize {
  readonly count: number;
  place(index: number): { readonly path: string; readonly offset: number };
}

interface OpenedFile {
  readonly path: string;
  readonly handle: FileHandle;
}

/**
 * Opens a file of raw frames, one after the other, `width * height * 3` bytes each.
 *
 * @param size of the frames; null when it is not given
 * @param usualSize is asked for the size then
 * @throws TrackcastError `TRACKCAST_SOURCE_UNREADABLE` when the file's length is no multiple of a frame's
 */
export async function openRawFile(
  path: string,
  size: PictureSize | null,
  usualSize: () => Promise<PictureSize | null>,
): Promise<Recording> {
  const bytes = await sizeOf(path);
  const frameSize = size ?? (await usualSize());
  if (frameSize === null) {
    throw unreadable(path, 'the size of its frames is not known; give it as --raw-size WxH');
  }
  const frameBytes = checkedBytes(path, frameSize);
  if (bytes === 0 || bytes % frameBytes !== 0) {
    const { width, height } = frameSize;
    const hint = size === null ? ', the size of the model’s input; give theirs as --raw-size WxH' : '';
    throw unreadable(path, `${bytes} bytes are no whole number of RGB frames of ${width}x${height}${hint}`);
  }
  const place = (index: number) => ({ path, offset: index * frameBytes });
  return rawRecording({ ...frameSize, count: bytes / frameBytes, place });
}

/**
 * Opens files of one raw frame each, all of one size.
 *
 * @param paths in the order of the frames
 * @param size of the frames; null for square ones, whose size the files' length tells
 * @throws TrackcastError `TRACKCAST_SOURCE_UNREADABLE` for files of another length
 */
export async function openRawFiles(paths: readonly string[], size: PictureSize | null): Promise<Recording> {
  const [first = ''] = paths;
  const bytes = await sizeOf(first);
  const side = Math.round(Math.sqrt(bytes / 3));
  if (size === null && side * side * 3 !== bytes) {
    throw unreadable(first, `${bytes} bytes are no square RGB frame; give the size as --raw-size WxH`);
  }
  const frameSize = size ?? { width: side, height: side };
  const frameBytes = checkedBytes(first, frameSize);
  for (const path of paths) {
    const found = await sizeOf(path);
    if (found === frameBytes) continue;
    const { width, height } = frameSize;
    throw unreadable(path, `${found} bytes are no RGB frame of ${width}x${height}`);
  }
  const place = (index: number) => ({ path: paths[index] ?? '', offset: 0 });
  return rawRecording({ ...frameSize, count: paths.length, place });
}

function rawRecording({ width, height, count, place }: RawFrames): Recording {
  return {
    kind: 'raw',
    frameCount: count,
    async *frames() {
      const pixels = new Uint8Array(width * height * 3);
      let opened = null as OpenedFile | null;
      try {
        for (let index = 0; index < count; index++) {
          const { path, offset } = place(index);
          if (opened?.path !== path) {
            await opened?.handle.close();
            opened = null;
            opened = { path, handle: await opening(path) };
          }
          await readFully(opened.handle, pixels, offset, path);
          const timestampNs = timestampOf(index);
          yield { index, width, height, pixels, timestampNs, isKeyframe: true, isDamaged: false };
        }
      } finally {
        await opened?.handle.close();
      }
    },
  };
}

async function readFully(handle: FileHandle, out: Uint8Array, offset: number, path: string): Promise<void> {
  for (let done = 0; done < out.length; ) {
    const { bytesRead } = await handle.read(out, done, out.length - done, offset + done).catch(failing(path));
    if (bytesRead === 0) throw unreadable(path, 'it has become shorter since it was opened');
    done += bytesRead;
  }
}

function checkedBytes(path: string, size: PictureSize): number {
  if (isPictureSize(size)) return size.width * size.height * 3;
  throw unreadable(path, `frames of ${size.width}x${size.height} are not possible`);
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(failing(path))).size;
}

async function opening(path: string): Promise<FileHandle> {
  return await open(path, 'r').catch(failing(path));
}

function failing(path: string): (error: unknown) => never {
  return (error) => {
    const reason = errorCode(error);
    throw unreadable(path, reason);
  };
}

function unreadable(path: string, reason: string): TrackcastError {
  return new TrackcastError('TRACKCAST_SOURCE_UNREADABLE', `Cannot read ${path}: ${reason}.`, { key: path });
}
