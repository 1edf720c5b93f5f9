/**
 * What a thing looks like to a model: a vector of length 1, whose cosine with another of the same model tells how
 * alike two things are. Plain data: it crosses threads.
 */
export type Descriptor = Float32Array;

/** Cosine of two descriptors, -1 to 1. Throws `RangeError` for descriptors of different models. */
export function cosine(a: Descriptor, b: Descriptor): number {
  if (a.length !== b.length) throw new RangeError(`descriptors of ${a.length} and ${b.length} values`);
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at] as number) * (b[at] as number);
  return Math.max(-1, Math.min(1, sum));
}

/** A descriptor from values of any length; null where they have none, or are no numbers. */
export function toDescriptor(values: ArrayLike<number>): Descriptor | null {
  let sum = 0;
  for (let at = 0; at < values.length; at++) sum += (values[at] as number) ** 2;
  const length = Math.sqrt(sum);
  if (!(length > 0) || !Number.isFinite(length)) return null;
  return Float32Array.from(values, (value) => value / length);
}

/**
 * The mean of a picture's tokens over a mask.
 *
 * @param tokens `coverage.length` rows of `channels` values
 * @param coverage share of each token that the mask covers, 0 to 1
 */
export function describeTokens(
  tokens: Float32Array,
  channels: number,
  coverage: Float32Array,
): Descriptor | null {
  const sum = new Float32Array(channels);
  for (let token = 0; token < coverage.length; token++) {
    const share = coverage[token] as number;
    if (share === 0) continue;
    const row = token * channels;
    for (let channel = 0; channel < channels; channel++) {
      sum[channel] = (sum[channel] as number) + share * (tokens[row + channel] as number);
    }
  }
  return toDescriptor(sum);
}
