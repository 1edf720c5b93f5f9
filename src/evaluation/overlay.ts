import type { Box } from '../mask/box.ts';
import { type Colour, colourOf, textColourOn } from '../mask/palette.ts';
import { decodeRunLengthRegion, runLengthBox } from '../mask/run-length.ts';
import type { Track } from '../tracker/track.ts';
import { digitHeight, digitWidth, isDigitPixel } from './digit-font.ts';

/** A picture that is drawn on: RGB, interleaved, `height` rows of `width * 3` bytes. */
export interface RgbPicture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

export interface OverlayStyle {
  /** 0 leaves the inside of objects as it is, 1 paints over it. Default 0.4. */
  readonly opacity?: number;
  /** Default true. */
  readonly boxes?: boolean;
  /** Default true. */
  readonly numbers?: boolean;
}

/**
 * Draws tracks over a picture, in place: the mask tinted and outlined, its box, and the track's id. Tracks that are
 * not seen on this frame are not drawn.
 *
 * @param tracks scaled when the picture is not of their masks' size
 */
export function drawOverlay(
  picture: RgbPicture,
  tracks: readonly Pick<Track, 'id' | 'mask'>[],
  style: OverlayStyle = {},
): void {
  const { opacity = 0.4, boxes = true, numbers = true } = style;
  const line = Math.max(1, Math.round(Math.hypot(picture.width, picture.height) / 700));
  const seen = tracks.flatMap(({ id, mask }) => {
    const box = mask === null ? null : runLengthBox(mask);
    return mask === null || box === null ? [] : [{ id, mask, box }];
  });
  for (const { id, mask, box } of seen) {
    const [maskHeight, maskWidth] = mask.size;
    const region = decodeRunLengthRegion(mask, box);
    drawRegion(picture, region, box, maskWidth, maskHeight, colourOf(id), opacity, line);
  }
  // Labels come last, so that no mask hides them.
  for (const { id, mask, box } of seen) {
    const [maskHeight, maskWidth] = mask.size;
    const scaled = scaleBox(box, picture.width / maskWidth, picture.height / maskHeight);
    if (boxes) drawBox(picture, scaled, colourOf(id), line);
    if (numbers) drawNumber(picture, id, scaled, colourOf(id));
  }
}

function scaleBox(box: Box, scaleX: number, scaleY: number): Box {
  const x = Math.floor(box.x * scaleX);
  const y = Math.floor(box.y * scaleY);
  return {
    x,
    y,
    width: Math.ceil((box.x + box.width) * scaleX) - x,
    height: Math.ceil((box.y + box.height) * scaleY) - y,
  };
}

function drawRegion(
  picture: RgbPicture,
  region: Uint8Array,
  box: Box,
  maskWidth: number,
  maskHeight: number,
  colour: Colour,
  opacity: number,
  line: number,
): void {
  const stepX = maskWidth / picture.width;
  const stepY = maskHeight / picture.height;
  const inside = (x: number, y: number) => {
    const column = Math.floor((x + 0.5) * stepX) - box.x;
    const row = Math.floor((y + 0.5) * stepY) - box.y;
    const within = column >= 0 && row >= 0 && column < box.width && row < box.height;
    return within && region[row * box.width + column] !== 0;
  };
  const area = scaleBox(box, 1 / stepX, 1 / stepY);
  const right = Math.min(picture.width, area.x + area.width);
  const bottom = Math.min(picture.height, area.y + area.height);
  for (let y = area.y; y < bottom; y++) {
    for (let x = area.x; x < right; x++) {
      if (!inside(x, y)) continue;
      const isInner =
        inside(x - line, y) && inside(x + line, y) && inside(x, y - line) && inside(x, y + line);
      blend(picture, x, y, colour, isInner ? opacity : 1);
    }
  }
}

function drawBox(picture: RgbPicture, box: Box, colour: Colour, line: number): void {
  fillRectangle(picture, box.x, box.y, box.width, line, colour);
  fillRectangle(picture, box.x, box.y + box.height - line, box.width, line, colour);
  fillRectangle(picture, box.x, box.y, line, box.height, colour);
  fillRectangle(picture, box.x + box.width - line, box.y, line, box.height, colour);
}

/** The id on a plate of the track's colour, above the box or, at the picture's upper edge, inside it. */
function drawNumber(picture: RgbPicture, id: number, box: Box, colour: Colour): void {
  const dot = Math.max(1, Math.round(picture.height / 240));
  const digits = [...String(Math.abs(Math.trunc(id)))].map(Number);
  const width = (digits.length * (digitWidth + 1) + 1) * dot;
  const height = (digitHeight + 2) * dot;
  const left = Math.max(0, Math.min(box.x, picture.width - width));
  const top = box.y >= height ? box.y - height : box.y;
  fillRectangle(picture, left, top, width, height, colour);
  const ink = textColourOn(colour);
  digits.forEach((digit, place) => {
    const digitLeft = left + (place * (digitWidth + 1) + 1) * dot;
    for (let row = 0; row < digitHeight; row++) {
      for (let column = 0; column < digitWidth; column++) {
        if (!isDigitPixel(digit, column, row)) continue;
        fillRectangle(picture, digitLeft + column * dot, top + (row + 1) * dot, dot, dot, ink);
      }
    }
  });
}

function fillRectangle(
  picture: RgbPicture,
  x: number,
  y: number,
  width: number,
  height: number,
  colour: Colour,
): void {
  const right = Math.min(picture.width, x + width);
  const bottom = Math.min(picture.height, y + height);
  for (let row = Math.max(0, y); row < bottom; row++) {
    for (let column = Math.max(0, x); column < right; column++) blend(picture, column, row, colour, 1);
  }
}

function blend(picture: RgbPicture, x: number, y: number, colour: Colour, share: number): void {
  const at = (y * picture.width + x) * 3;
  for (let channel = 0; channel < 3; channel++) {
    const old = picture.data[at + channel] ?? 0;
    picture.data[at + channel] = Math.round(old + ((colour[channel] ?? 0) - old) * share);
  }
}
