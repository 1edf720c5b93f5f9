/** A picture within a larger array of RGB pixels, whose shape may be distorted. */
export interface SourcePicture {
  /** RGB, interleaved, rows of `rowPixels`. */
  readonly pixels: Uint8Array;
  readonly rowPixels: number;
  /** The picture fills this from the top left. */
  readonly contentWidth: number;
  readonly contentHeight: number;
  /** Undistorted width over height. */
  readonly aspectRatio: number;
}

/** Where a picture lies in a detector's input, pixels of that; centred, the rest is grey. */
export interface Letterbox {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** How pixels become numbers. */
export interface PixelEncoding {
  readonly channels: 'rgb' | 'bgr';
  /** What the brightest value of a channel becomes. */
  readonly maximum: number;
}

/** Grey level around the picture, of 255, as YOLO's trainers use it. */
const surroundings = 114;

/** Fits a picture of the given shape into an input. */
export function letterboxOf(aspectRatio: number, inputWidth: number, inputHeight: number): Letterbox {
  const isWide = aspectRatio * inputHeight >= inputWidth;
  const width = isWide ? inputWidth : Math.max(1, Math.round(inputHeight * aspectRatio));
  const height = isWide
    ? Math.max(1, Math.min(inputHeight, Math.round(inputWidth / aspectRatio)))
    : inputHeight;
  return {
    left: Math.floor((inputWidth - width) / 2),
    top: Math.floor((inputHeight - height) / 2),
    width,
    height,
  };
}

/**
 * Writes a picture into a detector's input [3, inputHeight, inputWidth], bilinearly resampled (half-pixel centres).
 *
 * @param input of a length of `3 * inputWidth * inputHeight`; integers are rounded
 */
export function fillLetterbox(
  input: Float32Array | Uint8Array,
  inputWidth: number,
  source: SourcePicture,
  box: Letterbox,
  encoding: PixelEncoding,
): void {
  const plane = input.length / 3;
  const scale = encoding.maximum / 255;
  const rounding = input instanceof Uint8Array ? 0.5 : 0;
  input.fill(surroundings * scale + rounding);
  const columns = sampling(box.width, source.contentWidth, 3);
  const rows = sampling(box.height, source.contentHeight, source.rowPixels * 3);
  const { pixels } = source;
  for (let y = 0; y < box.height; y++) {
    const above = rows.first[y] as number;
    const below = rows.second[y] as number;
    const down = rows.part[y] as number;
    const begin = (box.top + y) * inputWidth + box.left;
    for (let channel = 0; channel < 3; channel++) {
      let at = begin + plane * (encoding.channels === 'rgb' ? channel : 2 - channel);
      const top = above + channel;
      const bottom = below + channel;
      for (let x = 0; x < box.width; x++) {
        const left = columns.first[x] as number;
        const right = columns.second[x] as number;
        const along = columns.part[x] as number;
        const upper = pixels[top + left] as number;
        const lower = pixels[bottom + left] as number;
        const upperMix = upper + ((pixels[top + right] as number) - upper) * along;
        const lowerMix = lower + ((pixels[bottom + right] as number) - lower) * along;
        input[at++] = (upperMix + (lowerMix - upperMix) * down) * scale + rounding;
      }
    }
  }
}

/** The two neighbours of each target position, as offsets, and the second's share. */
interface Sampling {
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly part: Float32Array;
}

function sampling(target: number, source: number, stride: number): Sampling {
  const first = new Int32Array(target);
  const second = new Int32Array(target);
  const part = new Float32Array(target);
  for (let at = 0; at < target; at++) {
    const position = Math.min(source - 1, Math.max(0, ((at + 0.5) * source) / target - 0.5));
    const before = Math.floor(position);
    first[at] = before * stride;
    second[at] = Math.min(source - 1, before + 1) * stride;
    part[at] = position - before;
  }
  return { first, second, part };
}
