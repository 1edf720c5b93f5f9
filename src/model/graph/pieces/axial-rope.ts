import type { GraphBuilder } from '../graph-builder.ts';

/** Wavelengths grow from 1 to this many tokens. */
const theta = 10_000;

/** Cosines and sines of the angles by which tokens are rotated, one row a token and one column a pair of channels. */
export interface RotationAngles {
  readonly cosines: Float32Array;
  readonly sines: Float32Array;
  /** [tokens, pairs] */
  readonly shape: readonly [number, number];
}

/** The same as values of a graph, in its precision. */
export interface Rotation {
  readonly cosines: string;
  readonly sines: string;
}

/**
 * Angles of axial rotary position embedding (Su et al. 2021; for pictures Heo et al. 2024): of the pairs of adjacent
 * channels, the first half turns with the column of a token and the second half with its row.
 *
 * @param channels a multiple of 4
 * @param side of the square grid; tokens are row-major
 * @param stride cells along each side of a token, which is rotated as of its centre
 */
export function axialRotationAngles(channels: number, side: number, stride = 1): RotationAngles {
  const pairs = channels / 2;
  const axisPairs = channels / 4;
  const columns = side / stride;
  const tokens = columns * columns;
  const cosines = new Float32Array(tokens * pairs);
  const sines = new Float32Array(tokens * pairs);
  const centre = (stride - 1) / 2;
  let at = 0;
  for (let token = 0; token < tokens; token++) {
    const places = [token % columns, Math.floor(token / columns)].map((place) => place * stride + centre);
    for (const place of places) {
      for (let pair = 0; pair < axisPairs; pair++) {
        const angle = place / theta ** (pair / axisPairs);
        cosines[at] = Math.cos(angle);
        sines[at++] = Math.sin(angle);
      }
    }
  }
  return { cosines, sines, shape: [tokens, pairs] };
}

/** Makes angles constants of a graph. */
export function rotationConstants(builder: GraphBuilder, angles: RotationAngles): Rotation {
  const { cosines, sines, shape } = angles;
  return { cosines: builder.floats(cosines, shape), sines: builder.floats(sines, shape) };
}

/**
 * Rotates the pairs of adjacent channels of each token: x [batch, tokens, width] -> the same shape.
 *
 * @param rotation [tokens, channels / 2]
 * @param channels how many of the width are rotated; those after them stay as they are
 */
export function rotate(builder: GraphBuilder, x: string, rotation: Rotation, channels: number): string {
  const inputs = [x, builder.integers([0]), rotation.cosines, rotation.sines];
  const attributes = { interleaved: 1, num_heads: 1, rotary_embedding_dim: channels };
  return builder.add('com.microsoft:RotaryEmbedding', inputs, attributes);
}
