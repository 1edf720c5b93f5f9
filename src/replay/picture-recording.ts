import { TrackcastError } from '../errors.ts';
import { type Image, readRgbImage } from '../ingest/image-file.ts';
import { isPictureSize, type Recording, timestampOf } from './recording.ts';

/** A recording whose frames are PNG and JPEG files. @param paths in the order of the frames */
export function pictureRecording(paths: readonly string[]): Recording {
  return {
    kind: 'pictures',
    frameCount: paths.length,
    async *frames() {
      for (const [index, path] of paths.entries()) {
        const { width, height, data } = await readNamed(path);
        const timestampNs = timestampOf(index);
        yield { index, width, height, pixels: data, timestampNs, isKeyframe: true, isDamaged: false };
      }
    },
  };
}

async function readNamed(path: string): Promise<Image> {
  try {
    const image = await readRgbImage(path);
    if (!isPictureSize(image)) throw new RangeError(`${image.width}x${image.height} pixels are too many`);
    return image;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TrackcastError('TRACKCAST_SOURCE_UNREADABLE', `${path}: ${reason}`, { key: path }, { cause });
  }
}
