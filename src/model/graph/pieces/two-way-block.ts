import type { GraphBuilder } from '../graph-builder.ts';
import { attention, attentionToFew, attentionToMany } from './attention.ts';
import { mlp } from './linear.ts';
import { layerNorm } from './normalization.ts';

/** Of the published transformer's normalisations. */
const epsilon = 1e-5;
const heads = 8;

/** Few tokens and the picture's many, both [batch, count, channels]. A batch of one counts for all others. */
export interface TwoWayTokens {
  readonly tokens: string;
  readonly image: string;
}

/**
 * Blocks in which a prompt's tokens and a picture's attend to each other, and a last look of the tokens at the
 * picture (Kirillov et al. 2023, appendix A). Returns both as the transformer leaves them, the tokens normalised.
 *
 * @param positions added wherever the tokens are queries or keys
 * @param prefix of the published `TwoWayTransformer`
 */
export function twoWayTransformer(
  builder: GraphBuilder,
  start: TwoWayTokens,
  positions: TwoWayTokens,
  prefix: string,
): TwoWayTokens {
  let state = start;
  for (let layer = 0; builder.hasWeight(`${prefix}.layers.${layer}.norm1.weight`); layer++) {
    state = twoWayBlock(builder, state, positions, `${prefix}.layers.${layer}`, layer === 0);
  }
  const look = attentionToMany(
    builder,
    {
      query: builder.add('Add', [state.tokens, positions.tokens]),
      key: builder.add('Add', [state.image, positions.image]),
      value: state.image,
    },
    { prefix: `${prefix}.final_attn_token_to_image`, heads },
  );
  const sum = builder.add('Add', [state.tokens, look]);
  return { tokens: layerNorm(builder, sum, `${prefix}.norm_final_attn`, epsilon), image: state.image };
}

/** @param first whether nothing is known of the tokens but their positions, which then are what attends to itself */
function twoWayBlock(
  builder: GraphBuilder,
  start: TwoWayTokens,
  positions: TwoWayTokens,
  prefix: string,
  first: boolean,
): TwoWayTokens {
  const at = (tokens: string, position: string) => builder.add('Add', [tokens, position]);
  const withResidual = (tokens: string, change: string, norm: string) =>
    layerNorm(builder, builder.add('Add', [tokens, change]), `${prefix}.${norm}`, epsilon);

  const self = { prefix: `${prefix}.self_attn`, heads };
  let tokens: string;
  if (first) {
    const alike = { query: start.tokens, key: start.tokens, value: start.tokens };
    tokens = layerNorm(builder, attention(builder, alike, self), `${prefix}.norm1`, epsilon);
  } else {
    const placed = at(start.tokens, positions.tokens);
    const change = attention(builder, { query: placed, key: placed, value: start.tokens }, self);
    tokens = withResidual(start.tokens, change, 'norm1');
  }

  const image = at(start.image, positions.image);
  const seen = attentionToMany(
    builder,
    { query: at(tokens, positions.tokens), key: image, value: start.image },
    { prefix: `${prefix}.cross_attn_token_to_image`, heads },
  );
  tokens = withResidual(tokens, seen, 'norm2');
  tokens = withResidual(tokens, mlp(builder, tokens, `${prefix}.mlp`, 2, 'relu'), 'norm3');

  const told = attentionToFew(
    builder,
    { query: image, key: at(tokens, positions.tokens), value: tokens },
    { prefix: `${prefix}.cross_attn_image_to_token`, heads },
  );
  return { tokens, image: withResidual(start.image, told, 'norm4') };
}
