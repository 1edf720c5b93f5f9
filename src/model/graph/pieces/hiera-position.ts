/** Keys' cubic convolution (1981) with the parameter that PyTorch interpolates with. */
const sharpness = -0.75;

/**
 * Position embedding of Hiera's tokens as SAM 2 learned it: a coarse background, enlarged bicubically to the grid
 * (edges repeated, corners not aligned), plus a window that repeats.
 *
 * @param background [channels, n, n]
 * @param window [channels, w, w]; `side` is a multiple of w
 * @param side of the grid of tokens
 * @returns [side², channels], tokens row-major
 */
export function hieraPosition(
  background: Float32Array,
  window: Float32Array,
  channels: number,
  side: number,
): Float32Array {
  const coarse = Math.sqrt(background.length / channels);
  const windowSide = Math.sqrt(window.length / channels);
  const taps = bicubicTaps(coarse, side);
  const lines = new Float64Array(coarse * side);
  const position = new Float32Array(side * side * channels);
  for (let channel = 0; channel < channels; channel++) {
    enlargeRows(background.subarray(channel * coarse * coarse), coarse, taps, lines);
    const tile = window.subarray(channel * windowSide * windowSide);
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        let sum = tile[(y % windowSide) * windowSide + (x % windowSide)] as number;
        for (const { from, weight } of taps[y] ?? []) sum += weight * (lines[from * side + x] as number);
        position[(y * side + x) * channels + channel] = sum;
      }
    }
  }
  return position;
}

/** One of the four samples that make an enlarged one. */
interface Tap {
  readonly from: number;
  readonly weight: number;
}

function bicubicTaps(inputSize: number, outputSize: number): readonly (readonly Tap[])[] {
  return Array.from({ length: outputSize }, (_, at) => {
    const centre = ((at + 0.5) * inputSize) / outputSize - 0.5;
    const left = Math.floor(centre);
    return [-1, 0, 1, 2].map((offset) => ({
      from: Math.min(Math.max(left + offset, 0), inputSize - 1),
      weight: cubic(Math.abs(centre - left - offset)),
    }));
  });
}

function cubic(distance: number): number {
  const x = distance;
  if (x <= 1) return ((sharpness + 2) * x - (sharpness + 3)) * x * x + 1;
  return ((x - 5) * x + 8) * x * sharpness - 4 * sharpness;
}

/** Each of `coarse` rows, enlarged to as many columns as there are taps. */
function enlargeRows(
  plane: Float32Array,
  coarse: number,
  taps: readonly (readonly Tap[])[],
  lines: Float64Array,
): void {
  for (let row = 0; row < coarse; row++) {
    for (const [x, column] of taps.entries()) {
      let sum = 0;
      for (const { from, weight } of column) sum += weight * (plane[row * coarse + from] as number);
      lines[row * taps.length + x] = sum;
    }
  }
}
