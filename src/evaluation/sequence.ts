import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { TrackcastError } from '../errors.ts';

/** A folder of pictures with annotations on some of them, as DAVIS lays them out. */
export interface Sequence {
  readonly name: string;
  /** Names of the two folders that the sequence lies in; sequences of one kind are reported together. */
  readonly group: string;
  /** Paths of the pictures in order. */
  readonly pictures: readonly string[];
  /** Paths of palette pictures by frame index: 0 background, 255 ignored, else an object id. Scored. */
  readonly annotations: ReadonlyMap<number, string>;
  /** The same for masks that only show new objects; where there are none, annotations show them. */
  readonly prompts: ReadonlyMap<number, string>;
  /** Frame rate that `meta.json` names, or null. */
  readonly framesPerSecond: number | null;
}

const pictureExtensions = new Set(['.jpg', '.jpeg', '.png']);

/**
 * Sequences at `path`: the folder itself when it has `JPEGImages`, else all those below it, sorted by path. Folders
 * without any annotation or prompt mask are left out.
 *
 * @throws TrackcastError `TRACKCAST_SOURCE_UNREADABLE` when there is none
 */
export async function findSequences(path: string): Promise<Sequence[]> {
  const folders = await foldersWithPictures(resolve(path));
  const sequences = await Promise.all(folders.map(readSequence));
  const usable = sequences.filter(({ annotations, prompts }) => annotations.size + prompts.size > 0);
  if (usable.length === 0) {
    throw new TrackcastError(
      'TRACKCAST_SOURCE_UNREADABLE',
      `${path} holds no sequence: a folder with JPEGImages and Annotations`,
    );
  }
  return usable;
}

async function foldersWithPictures(folder: string, depth = 4): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new TrackcastError('TRACKCAST_SOURCE_UNREADABLE', `${folder} cannot be read`, {}, { cause });
  });
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  if (names.includes('JPEGImages')) return [folder];
  if (depth === 0) return [];
  const below = await Promise.all(
    names.sort().map((name) => foldersWithPictures(join(folder, name), depth - 1)),
  );
  return below.flat();
}

async function readSequence(folder: string): Promise<Sequence> {
  const pictures = await picturesIn(join(folder, 'JPEGImages'));
  const indexOfStem = new Map(pictures.map((path, index) => [stem(path), index]));
  const masksIn = async (name: string) => {
    const masks = await picturesIn(join(folder, name));
    return new Map(
      masks.flatMap((path): [number, string][] => {
        const index = indexOfStem.get(stem(path));
        return index === undefined ? [] : [[index, path]];
      }),
    );
  };
  return {
    name: basename(folder),
    group: `${basename(dirname(dirname(folder)))}/${basename(dirname(folder))}`,
    pictures,
    annotations: await masksIn('Annotations'),
    prompts: await masksIn('Prompts'),
    framesPerSecond: await frameRateOf(join(folder, 'meta.json')),
  };
}

async function picturesIn(folder: string): Promise<string[]> {
  const exists = await stat(folder).catch(() => null);
  if (exists === null) return [];
  const names = await readdir(folder);
  return names
    .filter((name) => pictureExtensions.has(extname(name).toLowerCase()))
    .sort()
    .map((name) => join(folder, name));
}

function stem(path: string): string {
  return basename(path, extname(path));
}

async function frameRateOf(path: string): Promise<number | null> {
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) return null;
  let meta: unknown;
  try {
    meta = JSON.parse(text);
  } catch (cause) {
    throw new TrackcastError('TRACKCAST_SOURCE_UNREADABLE', `${path} is not JSON`, {}, { cause });
  }
  if (typeof meta !== 'object' || meta === null || !('fps_nominal' in meta)) return null;
  const rate = meta.fps_nominal;
  return typeof rate === 'number' && rate > 0 ? rate : null;
}
