import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AV_PIX_FMT_RGB24 } from 'node-av/constants';
import { describe, expect, it } from 'vitest';
import { TrackcastError } from '../../src/errors.ts';
import { encodePicture } from '../../src/evaluation/picture-file.ts';
import { readIndexedImage, readRgbImage } from '../../src/ingest/image-file.ts';
import { JpegEncoder } from '../../src/ingest/jpeg-encoder.ts';
import { allocatePicture } from '../../src/ingest/picture-scaler.ts';
import { colourDistance, colourPicture, coloursOfQuarters, quarterColours } from './h264-clips.ts';

const sequence = fileURLToPath(new URL('../../../shared/video/dev/general/vos/davis_dog/', import.meta.url));
const hasSequence = existsSync(sequence);
if (!hasSequence) {
  console.warn('SKIPPED: there are no shared sequences here, so reading foreign image files is not tested');
}

function jpegOfColours(width: number, height: number, longSide: number) {
  using encoder = new JpegEncoder();
  using picture = allocatePicture(width, height, AV_PIX_FMT_RGB24);
  const rgb = colourPicture(width, height);
  for (let row = 0; row < height; row += 1) {
    picture.data?.[0]?.set(
      rgb.subarray(row * width * 3, (row + 1) * width * 3),
      row * (picture.linesize[0] ?? 0),
    );
  }
  return encoder.encode(picture, longSide);
}

describe('JpegEncoder and readRgbImage', () => {
  it('keep size and colours', async () => {
    const jpeg = jpegOfColours(64, 32, 640);
    const image = await readRgbImage(jpeg.bytes);
    expect([image.width, image.height, image.data.length]).toEqual([64, 32, 64 * 32 * 3]);
    expect(colourDistance(coloursOfQuarters(image.data, 64, 32), quarterColours)).toBeLessThan(8);
  });

  it('shrink to the long side and never enlarge', () => {
    expect(jpegOfColours(64, 32, 20)).toMatchObject({ width: 20, height: 10 });
    expect(jpegOfColours(32, 64, 33)).toMatchObject({ width: 16, height: 34 });
    expect(jpegOfColours(64, 32, 64)).toMatchObject({ width: 64, height: 32 });
  });

  it.each([
    ['nothing', new Uint8Array()],
    ['text', Buffer.from('this is no image')],
    ['a broken PNG', Buffer.from([0x89, 0x50, 0x4e, 0x47, 1, 2, 3])],
  ])('refuse %s', async (_name, bytes) => {
    await expect(readRgbImage(bytes)).rejects.toMatchObject({ code: 'TRACKCAST_SOURCE_UNREADABLE' });
  });

  it('refuse a JPEG of which any part of the end is missing, or was never written', async () => {
    const { bytes } = jpegOfColours(64, 48, 64);
    for (let length = 0; length < bytes.length; length++) {
      const cut = readRgbImage(bytes.subarray(0, length));
      await expect(cut, `${length} of ${bytes.length} bytes`).rejects.toMatchObject({
        code: 'TRACKCAST_SOURCE_UNREADABLE',
      });
      const blank = Uint8Array.from(bytes).fill(0, length);
      await expect(readRgbImage(blank), `${length} bytes and zeros`).rejects.toThrow(TrackcastError);
    }
    await readRgbImage(bytes);
    await readRgbImage(Buffer.concat([bytes, Buffer.from('more behind it')]));
  });

  it('refuse a PNG of which a part is missing or damaged', async () => {
    const [width, height] = [32, 16];
    const bytes = encodePicture({ width, height, data: colourPicture(width, height) }, 'png');
    await readRgbImage(bytes);
    for (const length of [20, bytes.length >> 1, bytes.length - 20, bytes.length - 1]) {
      await expect(readRgbImage(bytes.subarray(0, length)), `${length} bytes`).rejects.toThrow(
        TrackcastError,
      );
    }
    const damaged = Uint8Array.from(bytes).fill(0, bytes.length - 40, bytes.length - 20);
    await expect(readRgbImage(damaged)).rejects.toThrow('the PNG image is damaged');
  });

  it('refuse a colour image where indices are asked for', async () => {
    await expect(readIndexedImage(jpegOfColours(16, 16, 16).bytes)).rejects.toMatchObject({
      code: 'TRACKCAST_SOURCE_UNREADABLE',
    });
  });

  it.skipIf(!hasSequence)(
    'read a foreign sequence: pictures as colours, annotations as indices',
    async () => {
      const picture = await readRgbImage(`${sequence}JPEGImages/00000.jpg`);
      const annotation = await readIndexedImage(`${sequence}Annotations/00000.png`);
      expect([picture.width, picture.height]).toEqual([854, 480]);
      expect([annotation.width, annotation.height]).toEqual([854, 480]);
      expect([...new Set(annotation.data)].sort()).toEqual([0, 1]);
    },
  );
});
