import { maskCoverage } from './mask-coverage.ts';

/** Logit of a pixel that a given mask says is the object; its opposite is the ground. */
const certainLogit = 10;
/** Pixels of the model's input for each low-resolution logit, along both sides. */
const lowResolutionStep = 4;

/**
 * A mask given as a prompt, at the size of the model's input: resized bilinearly with antialiasing, inside
 * where at least half is inside (`add_new_mask` of the published video predictor).
 *
 * @param mask `height` rows of `width` values, 0 outside and anything else inside
 * @param side of the model's input, pixels
 * @returns `side` rows of `side` values, 0 or 1
 * @throws RangeError for a size that is no picture's or a mask that is too short
 */
export function maskToModel(mask: Uint8Array, width: number, height: number, side: number): Uint8Array {
  const coverage = maskCoverage(mask, width, height, side, side);
  const out = new Uint8Array(coverage.length);
  for (let at = 0; at < out.length; at++) out[at] = (coverage[at] as number) >= 0.5 ? 1 : 0;
  return out;
}

/**
 * Low-resolution logits that stand for a mask given as a prompt: 10 inside, -10 outside, reduced four times
 * with antialiasing (`_use_mask_as_output` of the published model).
 *
 * @param mask at the size of the model's input: `side` rows of `side` values, 0 outside
 * @param side pixels, a multiple of four
 * @returns `side / 4` rows of `side / 4` logits
 * @throws RangeError for a size that is no picture's or a mask that is too short
 */
export function maskToLowResolution(mask: Uint8Array, side: number): Float32Array {
  const out = maskCoverage(mask, side, side, side / lowResolutionStep, side / lowResolutionStep);
  // The filter's weights add up to 1, so logits may be made after the reduction.
  for (let at = 0; at < out.length; at++) out[at] = ((out[at] as number) * 2 - 1) * certainLogit;
  return out;
}
