import { type Frame, fitPixels, type PixelGeometry, paddingColour } from '../../src/buffer/frame.ts';
import { encodeRunLengthRegion, type RunLengthMask } from '../../src/mask/run-length.ts';
import { texture } from './texture.ts';

type Colour = readonly [number, number, number];

/** A textured disc; source pixels. */
export interface Disc {
  readonly radius: number;
  readonly colour: Colour;
  /** Centre on a frame; null while it is not there. */
  readonly at: (frameIndex: number) => { readonly x: number; readonly y: number } | null;
}

export interface DiscSceneOptions {
  readonly width?: number;
  readonly height?: number;
  readonly discs: readonly Disc[];
  /** Chooses the background's colour and texture. */
  readonly backdrop?: 0 | 1 | 2;
  readonly framesPerSecond?: number;
  /** Size of the pixels that the model sees. */
  readonly geometry?: PixelGeometry;
}

/** Small, so that a model looks at it quickly. */
const smallGeometry: PixelGeometry = { kind: 'fit', longSide: 256, multipleOf: 16 };
/** The last is of such contrast that a cut to it cannot be taken for anything else. */
const backdrops: readonly { readonly colour: Colour; readonly depth: number }[] = [
  { colour: [96, 104, 112], depth: 70 },
  { colour: [168, 176, 150], depth: 70 },
  { colour: [120, 110, 104], depth: 400 },
];

/**
 * Discs that move over a textured background, as frames for a tracker, with the truth about where they are.
 * Frames have no codec vectors, as in an intra-only stream.
 */
export class DiscScene {
  readonly width: number;
  readonly height: number;
  readonly #options: DiscSceneOptions;

  constructor(options: DiscSceneOptions) {
    this.width = options.width ?? 384;
    this.height = options.height ?? 216;
    this.#options = options;
  }

  frame(index: number, streamId = 'scene'): Frame {
    const { framesPerSecond = 25, geometry = smallGeometry } = this.#options;
    const pixelSize = fitPixels(geometry, this.width, this.height);
    const pixels = new Uint8Array(pixelSize.width * pixelSize.height * 3);
    for (let y = 0; y < pixelSize.height; y++) {
      for (let x = 0; x < pixelSize.width; x++) {
        const isContent = x < pixelSize.contentWidth && y < pixelSize.contentHeight;
        const colour = isContent
          ? this.#colourAt(
              ((x + 0.5) * this.width) / pixelSize.contentWidth,
              ((y + 0.5) * this.height) / pixelSize.contentHeight,
              index,
            )
          : paddingColour;
        pixels.set(colour, (y * pixelSize.width + x) * 3);
      }
    }
    const lumaWidth = this.width / 2;
    const lumaHeight = this.height / 2;
    const luma = new Uint8Array(lumaWidth * lumaHeight);
    for (let y = 0; y < lumaHeight; y++) {
      for (let x = 0; x < lumaWidth; x++) {
        const [red, green, blue] = this.#colourAt(2 * x + 1, 2 * y + 1, index);
        luma[y * lumaWidth + x] = 0.299 * red + 0.587 * green + 0.114 * blue;
      }
    }
    return {
      streamId,
      index,
      timestampNs: BigInt(Math.round((index * 1e9) / framesPerSecond)),
      isKeyframe: index === 0,
      isDamaged: false,
      width: this.width,
      height: this.height,
      chunkSequence: index,
      unitInChunk: 0,
      receivedAtMs: index,
      decodedAtMs: index + 1,
      pixelSize,
      pixels,
      lumaWidth,
      lumaHeight,
      luma,
      motionVectors: new Int16Array(0),
    };
  }

  /** Pixels of one disc on a frame, not hidden by discs after it; row-major. */
  visible(disc: number, frameIndex: number): Uint8Array {
    const mask = new Uint8Array(this.width * this.height);
    for (let y = 0; y < this.height; y++) {
      for (let x = 0; x < this.width; x++) {
        if (this.#topDisc(x + 0.5, y + 0.5, frameIndex) === disc) mask[y * this.width + x] = 1;
      }
    }
    return mask;
  }

  /** The same as a run-length mask. */
  mask(disc: number, frameIndex: number): RunLengthMask {
    const { width, height } = this;
    return encodeRunLengthRegion(
      this.visible(disc, frameIndex),
      { x: 0, y: 0, width, height },
      width,
      height,
    );
  }

  #backdropAt(x: number, y: number): Colour {
    const backdrop = this.#options.backdrop ?? 0;
    const place = `${backdrop} ${x} ${y}`;
    const known = painted.get(place);
    if (known !== undefined) return known;
    const { colour: base, depth } = backdrops[backdrop] as (typeof backdrops)[number];
    const colour = shaded(base, texture(x, y, 10 + backdrop), depth);
    painted.set(place, colour);
    return colour;
  }

  #topDisc(x: number, y: number, frameIndex: number): number {
    for (let disc = this.#options.discs.length - 1; disc >= 0; disc--) {
      const { radius, at } = this.#options.discs[disc] as Disc;
      const centre = at(frameIndex);
      if (centre !== null && (x - centre.x) ** 2 + (y - centre.y) ** 2 <= radius * radius) return disc;
    }
    return -1;
  }

  #colourAt(x: number, y: number, frameIndex: number): Colour {
    const top = this.#topDisc(x, y, frameIndex);
    if (top < 0) return this.#backdropAt(x, y);
    const disc = this.#options.discs[top] as Disc;
    const centre = disc.at(frameIndex) ?? { x: 0, y: 0 };
    return shaded(disc.colour, texture(x - centre.x + 200, y - centre.y + 200, 20 + top), 60);
  }
}

/** Backgrounds stand still: each place is painted once. */
const painted = new Map<string, Colour>();

function shaded(colour: Colour, value: number, depth: number): Colour {
  const light = (value - 0.5) * depth;
  const channel = (part: number) => Math.min(255, Math.max(0, Math.round(part + light)));
  return [channel(colour[0]), channel(colour[1]), channel(colour[2])];
}

export const red: Colour = [205, 45, 40];
export const yellow: Colour = [225, 190, 50];
export const blue: Colour = [40, 70, 200];

/** Where a disc is that moves evenly. */
export function moving(x: number, y: number, dx: number, dy: number): Disc['at'] {
  return (frameIndex) => ({ x: x + dx * frameIndex, y: y + dy * frameIndex });
}
