import { TrackcastError } from '../errors.ts';
import { type Image, readIndexedImage, readRgbImage } from '../ingest/image-file.ts';

/**
 * Reads a JPEG or PNG file as interleaved RGB, without an odd last column or row, which H.264 with subsampled
 * colour cannot carry.
 *
 * @throws TrackcastError `TRACKCAST_SOURCE_UNREADABLE`, with the file's name
 */
export async function readEvenRgb(path: string): Promise<Image> {
  return croppedToEven(await named(path, readRgbImage), 3);
}

/** The same for a palette or grey PNG file, as one index a pixel. */
export async function readEvenIndices(path: string): Promise<Image> {
  return croppedToEven(await named(path, readIndexedImage), 1);
}

async function named(path: string, read: (path: string) => Promise<Image>): Promise<Image> {
  try {
    return await read(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TrackcastError('TRACKCAST_SOURCE_UNREADABLE', `${path}: ${reason}`, {}, { cause });
  }
}

function croppedToEven(image: Image, bytesPerPixel: number): Image {
  const width = image.width & ~1;
  const height = image.height & ~1;
  if (width === image.width && height === image.height) return image;
  const data = new Uint8Array(width * height * bytesPerPixel);
  for (let row = 0; row < height; row++) {
    const start = row * image.width * bytesPerPixel;
    data.set(image.data.subarray(start, start + width * bytesPerPixel), row * width * bytesPerPixel);
  }
  return { width, height, data };
}
