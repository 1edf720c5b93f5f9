import { BlankArea } from '../../src/prompting/blank-area.ts';
import type { PictureMotion, PromptScene } from '../../src/prompting/prompt-strategy.ts';

type Colour = readonly [number, number, number];

export interface PaintedSceneOptions {
  readonly width?: number;
  readonly height?: number;
  /** Colour at a place, parts of the picture. */
  readonly colourAt?: (x: number, y: number) => Colour;
  /** Displacement to the picture before at a place, luma pixels; null where the picture continues no other. */
  readonly motionAt?: ((x: number, y: number) => readonly [number, number]) | null;
  /** Where a track is, beside black borders. */
  readonly isCovered?: PromptScene['isCovered'];
}

export type PaintedScene = Required<Omit<PromptScene, 'camera'>>;

export const grey: Colour = [110, 110, 110];
export const red: Colour = [200, 50, 45];

/** A scene of given colours and motion; its luma plane has the size of its colours. */
export function paintedScene(options: PaintedSceneOptions = {}): PaintedScene {
  const { width = 256, height = 144, colourAt = () => grey, motionAt = () => [0, 0] } = options;
  const colours = new Uint8Array(width * height * 3);
  const luma = new Uint8Array(width * height);
  for (let at = 0; at < luma.length; at++) {
    const colour = colourAt(((at % width) + 0.5) / width, (Math.floor(at / width) + 0.5) / height);
    colours.set(colour, at * 3);
    luma[at] = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2];
  }
  const plane = { luma, lumaWidth: width, lumaHeight: height };
  const blank = new BlankArea(plane);
  return {
    aspectRatio: width / height,
    luma: plane,
    colours: { width, contentWidth: width, contentHeight: height, colours },
    motion: motionAt === null ? null : paintedMotion(width, height, motionAt),
    isCovered: (x, y) => blank.includes(x, y) || (options.isCovered?.(x, y) ?? false),
  };
}

/** A field of trusted cells of 8 x 8 luma pixels. */
export function paintedMotion(
  lumaWidth: number,
  lumaHeight: number,
  motionAt: (x: number, y: number) => readonly [number, number],
): PictureMotion {
  const cellSize = 8;
  const columns = Math.ceil(lumaWidth / cellSize);
  const rows = Math.ceil(lumaHeight / cellSize);
  const motion = Array.from({ length: columns * rows }, (_, cell) =>
    motionAt(
      (((cell % columns) + 0.5) * cellSize) / lumaWidth,
      ((Math.floor(cell / columns) + 0.5) * cellSize) / lumaHeight,
    ),
  );
  return {
    columns,
    rows,
    cellSize,
    lumaWidth,
    lumaHeight,
    dx: Float32Array.from(motion, ([dx]) => dx),
    dy: Float32Array.from(motion, ([, dy]) => dy),
    weight: new Float32Array(columns * rows).fill(0.8),
  };
}

/** Whether a place lies in a disc; the radius is in parts of the picture's height. */
export function isInDisc(
  { x, y, radius }: { readonly x: number; readonly y: number; readonly radius: number },
  aspectRatio = 16 / 9,
): (atX: number, atY: number) => boolean {
  return (atX, atY) => Math.hypot((atX - x) * aspectRatio, atY - y) <= radius;
}

/** x, y pairs as points. */
export function pointsOf(flat: Float32Array): { readonly x: number; readonly y: number }[] {
  return Array.from({ length: flat.length / 2 }, (_, at) => ({
    x: flat[2 * at] as number,
    y: flat[2 * at + 1] as number,
  }));
}
