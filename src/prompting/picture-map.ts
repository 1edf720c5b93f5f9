import { blackLevel } from './blank-area.ts';
import type { ColourPicture, LumaPicture, PromptScene } from './prompt-strategy.ts';

/** Cells along each side of a picture map, whatever the picture's shape. */
export const mapSide = 64;
const cells = mapSide * mapSide;

/** Brighter than this in every channel is a highlight or white, grey levels. */
const highlightLevel = 215;
/** Share of a cell's pixels that makes it one of a highlight. */
const highlightShare = 0.25;
/** Connected highlight cells up to this many are a reflection of the lamp; more are a thing that is white. */
const maxReflectionCells = 40;
/** Cells beside a reflection that its glare reaches. */
const glareReach = 1;
/** Cells beside a black border that its edge disturbs. */
const borderReach = 2;

/** A picture reduced to `mapSide * mapSide` cells, row-major, in opponent colours, grey levels. */
export interface PictureMap {
  readonly lightness: Float32Array;
  /** Red minus green. */
  readonly redGreen: Float32Array;
  /** Blue minus yellow. */
  readonly blueYellow: Float32Array;
  /** 1 where the picture shows something: no black border and no reflection of the lamp. */
  readonly isSeen: Uint8Array;
  /** 1 where what is seen is far enough from borders and reflections to be trusted. */
  readonly isTrusted: Uint8Array;
}

/** Reduces a picture; null where neither brightness nor colours are known. */
export function pictureMapOf(scene: PromptScene): PictureMap | null {
  const luma = scene.luma ?? null;
  const colours = scene.colours ?? null;
  if (luma === null && colours === null) return null;
  const lightness = new Float32Array(cells);
  const redGreen = new Float32Array(cells);
  const blueYellow = new Float32Array(cells);
  const isHighlight = new Uint8Array(cells);
  if (colours !== null) reduceColours(colours, lightness, redGreen, blueYellow, isHighlight);
  else if (luma !== null) reduceLuma(luma, lightness, isHighlight);
  const isReflection = grown(smallRegions(isHighlight, maxReflectionCells), glareReach);
  const isBorder = Uint8Array.from(lightness, (value) => (value <= blackLevel ? 1 : 0));
  const nearBorder = grown(isBorder, borderReach);
  return {
    lightness,
    redGreen,
    blueYellow,
    isSeen: isBorder.map((border, at) => (border === 1 || isReflection[at] === 1 ? 0 : 1)),
    isTrusted: nearBorder.map((border, at) => (border === 1 || isReflection[at] === 1 ? 0 : 1)),
  };
}

function reduceColours(
  { width, contentWidth, contentHeight, colours }: ColourPicture,
  lightness: Float32Array,
  redGreen: Float32Array,
  blueYellow: Float32Array,
  isHighlight: Uint8Array,
): void {
  for (let at = 0; at < cells; at++) {
    const [left, right] = span(at % mapSide, contentWidth);
    const [top, bottom] = span(Math.floor(at / mapSide), contentHeight);
    let [red, green, blue, bright] = [0, 0, 0, 0];
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const pixel = (y * width + x) * 3;
        const r = colours[pixel] as number;
        const g = colours[pixel + 1] as number;
        const b = colours[pixel + 2] as number;
        red += r;
        green += g;
        blue += b;
        if (r >= highlightLevel && g >= highlightLevel && b >= highlightLevel) bright++;
      }
    }
    const count = (right - left) * (bottom - top);
    lightness[at] = (red + green + blue) / (3 * count);
    redGreen[at] = (red - green) / count;
    blueYellow[at] = (blue - (red + green) / 2) / count;
    isHighlight[at] = bright > highlightShare * count ? 1 : 0;
  }
}

function reduceLuma(
  { luma, lumaWidth, lumaHeight }: LumaPicture,
  lightness: Float32Array,
  isHighlight: Uint8Array,
): void {
  for (let at = 0; at < cells; at++) {
    const [left, right] = span(at % mapSide, lumaWidth);
    const [top, bottom] = span(Math.floor(at / mapSide), lumaHeight);
    let [sum, bright] = [0, 0];
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const value = luma[y * lumaWidth + x] as number;
        sum += value;
        if (value >= highlightLevel) bright++;
      }
    }
    const count = (right - left) * (bottom - top);
    lightness[at] = sum / count;
    isHighlight[at] = bright > highlightShare * count ? 1 : 0;
  }
}

/** The pixels of a cell along one side, at least one; the end is exclusive. */
function span(cell: number, pixels: number): readonly [number, number] {
  const first = Math.min(pixels - 1, Math.floor((cell * pixels) / mapSide));
  return [first, Math.max(first + 1, Math.floor(((cell + 1) * pixels) / mapSide))];
}

/** The connected regions of up to `limit` cells, diagonals included. */
function smallRegions(mask: Uint8Array, limit: number): Uint8Array {
  const small = new Uint8Array(cells);
  const isVisited = new Uint8Array(cells);
  for (let start = 0; start < cells; start++) {
    if (mask[start] === 0 || isVisited[start] === 1) continue;
    const region = [start];
    isVisited[start] = 1;
    for (const at of region) {
      const column = at % mapSide;
      const row = Math.floor(at / mapSide);
      for (let y = Math.max(0, row - 1); y <= Math.min(mapSide - 1, row + 1); y++) {
        for (let x = Math.max(0, column - 1); x <= Math.min(mapSide - 1, column + 1); x++) {
          const next = y * mapSide + x;
          if (mask[next] === 0 || isVisited[next] === 1) continue;
          isVisited[next] = 1;
          region.push(next);
        }
      }
    }
    if (region.length <= limit) for (const at of region) small[at] = 1;
  }
  return small;
}

/** The mask with everything up to `reach` cells beside it. */
function grown(mask: Uint8Array, reach: number): Uint8Array {
  const result = new Uint8Array(cells);
  for (let at = 0; at < cells; at++) {
    if (mask[at] === 0) continue;
    const column = at % mapSide;
    const row = Math.floor(at / mapSide);
    const right = Math.min(mapSide - 1, column + reach);
    for (let y = Math.max(0, row - reach); y <= Math.min(mapSide - 1, row + reach); y++) {
      result.fill(1, y * mapSide + Math.max(0, column - reach), y * mapSide + right + 1);
    }
  }
  return result;
}
