import { transformSquare } from './fourier.ts';
import { mapSide, type PictureMap } from './picture-map.ts';

const cells = mapSide * mapSide;
/** Centres and their surroundings, half sides in cells. */
const scales = [
  [1, 6],
  [3, 12],
] as const;
/** A place that differs from its surroundings by less than this is not salient, grey levels. */
const minContrast = 4;
/** How far the spectral residual alone is spread, cells (the source smooths a map of this size as much). */
const smoothing = 2.5;

/**
 * How much each cell of a picture stands out, 0 to 1: its contrast against its surroundings in brightness and
 * opponent colours (Itti, Koch and Niebur 1998, section 2, with boxes for pyramids), weighed by the spectral residual
 * (Hou and Zhang 2007, section 2), which knows what is unusual in the picture as a whole. 0 where nothing is seen.
 */
export function saliencyOf(map: PictureMap): Float32Array {
  const contrast = centreSurround(map);
  const strongest = contrast.reduce((most, value) => Math.max(most, value), 0);
  const saliency = new Float32Array(cells);
  if (strongest < minContrast) return saliency;
  const residual = spectralResidual(map.lightness, map.isSeen);
  for (let at = 0; at < cells; at++) {
    const here = contrast[at] as number;
    if (map.isTrusted[at] === 0 || here < minContrast) continue;
    saliency[at] = (here / strongest) * (0.5 + 0.5 * (residual[at] as number));
  }
  return saliency;
}

/**
 * Spectral residual saliency, scaled to 0 to 1.
 *
 * @param isSeen cells of 0 take the values of those around them, so that borders have no edges
 */
export function spectralResidual(lightness: Float32Array, isSeen: Uint8Array): Float32Array {
  const real = Float64Array.from(filled(lightness, isSeen));
  const imaginary = new Float64Array(cells);
  const spectrum = { side: mapSide, real, imaginary };
  transformSquare(spectrum);
  const logAmplitude = new Float64Array(cells);
  for (let at = 0; at < cells; at++) {
    logAmplitude[at] = Math.log(Math.hypot(real[at] as number, imaginary[at] as number) + 1e-6);
  }
  for (let at = 0; at < cells; at++) {
    const phase = Math.atan2(imaginary[at] as number, real[at] as number);
    const amplitude = Math.exp((logAmplitude[at] as number) - neighbourhoodMean(logAmplitude, at));
    real[at] = amplitude * Math.cos(phase);
    imaginary[at] = amplitude * Math.sin(phase);
  }
  transformSquare(spectrum, true);
  const energy = new Float32Array(cells);
  for (let at = 0; at < cells; at++) energy[at] = (real[at] as number) ** 2 + (imaginary[at] as number) ** 2;
  const smooth = smoothed(energy);
  const most = smooth.reduce((highest, value) => Math.max(highest, value), 0);
  return most === 0 ? smooth : smooth.map((value) => value / most);
}

/** Mean of 3 x 3 values; a spectrum continues at its other side. */
function neighbourhoodMean(values: Float64Array, at: number): number {
  const column = at % mapSide;
  const row = Math.floor(at / mapSide);
  let sum = 0;
  for (let dy = -1; dy <= 1; dy++) {
    for (let dx = -1; dx <= 1; dx++) {
      const y = (row + dy) & (mapSide - 1);
      const x = (column + dx) & (mapSide - 1);
      sum += values[y * mapSide + x] as number;
    }
  }
  return sum / 9;
}

function centreSurround({ lightness, redGreen, blueYellow, isSeen }: PictureMap): Float32Array {
  const count = integralOf(Float32Array.from(isSeen), isSeen);
  const channels = [lightness, redGreen, blueYellow].map((channel) => integralOf(channel, isSeen));
  const contrast = new Float32Array(cells);
  for (const [inner, outer] of scales) {
    for (let at = 0; at < cells; at++) {
      const seenInside = boxSum(count, at, inner);
      const seenAround = boxSum(count, at, outer) - seenInside;
      if (seenInside === 0 || seenAround <= 0) continue;
      let squares = 0;
      for (const channel of channels) {
        const inside = boxSum(channel, at, inner);
        const around = boxSum(channel, at, outer) - inside;
        squares += (inside / seenInside - around / seenAround) ** 2;
      }
      contrast[at] = (contrast[at] as number) + Math.sqrt(squares) / scales.length;
    }
  }
  return contrast;
}

/** Sums from the top left, with a row and a column of zeros before them. */
function integralOf(values: Float32Array, isSeen: Uint8Array): Float64Array {
  const stride = mapSide + 1;
  const integral = new Float64Array(stride * stride);
  for (let y = 0; y < mapSide; y++) {
    let sum = 0;
    for (let x = 0; x < mapSide; x++) {
      const at = y * mapSide + x;
      if (isSeen[at] === 1) sum += values[at] as number;
      integral[(y + 1) * stride + x + 1] = (integral[y * stride + x + 1] as number) + sum;
    }
  }
  return integral;
}

/** Sum over the square of half side `reach` around a cell, as far as the map goes. */
function boxSum(integral: Float64Array, at: number, reach: number): number {
  const stride = mapSide + 1;
  const column = at % mapSide;
  const row = Math.floor(at / mapSide);
  const left = Math.max(0, column - reach);
  const right = Math.min(mapSide, column + reach + 1);
  const top = Math.max(0, row - reach) * stride;
  const bottom = Math.min(mapSide, row + reach + 1) * stride;
  return (
    (integral[bottom + right] as number) -
    (integral[bottom + left] as number) -
    (integral[top + right] as number) +
    (integral[top + left] as number)
  );
}

/** Lets what is seen spread into what is not. */
function filled(values: Float32Array, isSeen: Uint8Array): Float32Array {
  const result = Float32Array.from(values);
  const isKnown = Uint8Array.from(isSeen);
  let open = [...isKnown.keys()].filter((at) => isKnown[at] === 0);
  while (open.length > 0 && open.length < cells) {
    const found: { at: number; value: number }[] = [];
    for (const at of open) {
      const column = at % mapSide;
      let [sum, count] = [0, 0];
      const add = (next: number): void => {
        if (isKnown[next] !== 1) return;
        sum += result[next] as number;
        count++;
      };
      if (column > 0) add(at - 1);
      if (column < mapSide - 1) add(at + 1);
      if (at >= mapSide) add(at - mapSide);
      if (at < cells - mapSide) add(at + mapSide);
      if (count > 0) found.push({ at, value: sum / count });
    }
    for (const { at, value } of found) {
      result[at] = value;
      isKnown[at] = 1;
    }
    open = open.filter((at) => isKnown[at] === 0);
  }
  return result;
}

function smoothed(values: Float32Array): Float32Array {
  const reach = Math.ceil(2.5 * smoothing);
  const kernel = Float32Array.from({ length: 2 * reach + 1 }, (_, at) =>
    Math.exp(-0.5 * ((at - reach) / smoothing) ** 2),
  );
  return blurred(blurred(values, kernel, reach, 1), kernel, reach, mapSide);
}

/** Blurs along rows (`step` 1) or columns (`step` the side); nothing comes from beyond the map. */
function blurred(values: Float32Array, kernel: Float32Array, reach: number, step: number): Float32Array {
  const result = new Float32Array(cells);
  for (let at = 0; at < cells; at++) {
    const place = step === 1 ? at % mapSide : Math.floor(at / mapSide);
    let [sum, weights] = [0, 0];
    for (let d = Math.max(-reach, -place); d <= Math.min(reach, mapSide - 1 - place); d++) {
      const weight = kernel[d + reach] as number;
      sum += weight * (values[at + d * step] as number);
      weights += weight;
    }
    result[at] = sum / weights;
  }
  return result;
}
