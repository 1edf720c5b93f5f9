import { describe, expect, it } from 'vitest';
import { digitHeight, digitWidth, isDigitPixel } from '../../src/evaluation/digit-font.ts';
import { drawOverlay, type RgbPicture } from '../../src/evaluation/overlay.ts';
import { encodePicture } from '../../src/evaluation/picture-file.ts';
import { readRgbImage } from '../../src/ingest/image-file.ts';
import type { Box } from '../../src/mask/box.ts';
import { colourOf } from '../../src/mask/palette.ts';
import { encodeRunLengthRegion } from '../../src/mask/run-length.ts';
import type { Track } from '../../src/tracker/track.ts';

const width = 120;
const height = 80;

function grey(): RgbPicture {
  return { width, height, data: new Uint8Array(width * height * 3).fill(100) };
}

function track(id: number, box: Box | null, size = { width, height }): Track {
  const mask =
    box === null
      ? null
      : encodeRunLengthRegion(new Uint8Array(box.width * box.height).fill(1), box, size.width, size.height);
  return {
    id,
    label: null,
    state: box === null ? 'occluded' : 'active',
    score: 1,
    box,
    area: box === null ? 0 : box.width * box.height,
    mask,
    firstFrame: 0,
    lastSeenFrame: 0,
    author: 'person',
  };
}

const at = (picture: RgbPicture, x: number, y: number) => [
  ...picture.data.subarray((y * picture.width + x) * 3, (y * picture.width + x) * 3 + 3),
];
const plain = { boxes: false, numbers: false };
const box = { x: 30, y: 40, width: 20, height: 10 };

describe('drawOverlay', () => {
  it('tints the inside of a mask, paints its contour, and leaves the rest as it was', () => {
    const picture = grey();
    drawOverlay(picture, [track(1, box)], { ...plain, opacity: 0.5 });
    expect(at(picture, 40, 45)).toEqual([165, 130, 50]);
    expect(at(picture, 30, 45)).toEqual([230, 159, 0]);
    expect(at(picture, 49, 49)).toEqual([230, 159, 0]);
    for (const [x, y] of [
      [29, 45],
      [50, 45],
      [40, 39],
      [40, 50],
    ] as const) {
      expect(at(picture, x, y)).toEqual([100, 100, 100]);
    }
  });

  it('draws the id on a plate of the colour of its track above the box', () => {
    const picture = grey();
    drawOverlay(picture, [track(14, box)]);
    const [red, green, blue] = colourOf(14);
    const plateTop = box.y - digitHeight - 2;
    expect(at(picture, box.x, plateTop)).toEqual([red, green, blue]);
    // Dark or light ink wherever the digit 1 has a pixel.
    for (let y = 0; y < digitHeight; y++) {
      for (let x = 0; x < digitWidth; x++) {
        const pixel = at(picture, box.x + 1 + x, plateTop + 1 + y);
        expect(pixel.join() === [red, green, blue].join()).toBe(!isDigitPixel(1, x, y));
      }
    }
  });

  it('keeps labels and boxes inside the picture', () => {
    const picture = grey();
    const corner = { x: width - 4, y: 0, width: 4, height: 4 };
    drawOverlay(picture, [track(987, corner), track(2, { x: 0, y: height - 3, width: 5, height: 3 })]);
    expect(picture.data).toHaveLength(width * height * 3);
    expect(at(picture, width - 1, digitHeight + 1)).toEqual([...colourOf(987)]);
  });

  it('does not draw what is not seen', () => {
    const picture = grey();
    drawOverlay(picture, [track(1, null)]);
    expect(picture.data).toEqual(grey().data);
  });

  it('scales masks to a picture of another size', () => {
    const picture = grey();
    const source = { width: width * 2, height: height * 2 };
    const doubled = { x: 60, y: 80, width: 40, height: 20 };
    drawOverlay(picture, [track(1, doubled, source)]);
    const same = grey();
    drawOverlay(same, [track(1, box)]);
    expect(picture.data).toEqual(same.data);
  });
});

describe('encodePicture', () => {
  const picture = grey();
  drawOverlay(picture, [track(3, box)]);

  it('writes PNG without loss', async () => {
    expect((await readRgbImage(encodePicture(picture, 'png'))).data).toEqual(picture.data);
  });

  it('writes JPEG that looks the same, in full range', async () => {
    const bytes = encodePicture(picture, 'jpeg');
    expect([...bytes.subarray(0, 2)]).toEqual([0xff, 0xd8]);
    const { data } = await readRgbImage(bytes);
    const error = data.reduce((sum, value, index) => sum + Math.abs(value - (picture.data[index] ?? 0)), 0);
    expect(error / data.length).toBeLessThan(4);
    expect(Math.abs((data[0] ?? 0) - 100)).toBeLessThan(4);
  });
});
