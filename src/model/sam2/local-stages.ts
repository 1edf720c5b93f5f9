import type { GraphBuilder } from '../graph/graph-builder.ts';
import { joinedConvolutions } from '../graph/pieces/feature-pyramid.ts';
import { hieraBlock } from '../graph/pieces/hiera-block.ts';
import { hieraPosition } from '../graph/pieces/hiera-position.ts';
import { patchEmbedding } from '../graph/pieces/patch-embedding.ts';
import type { WindowOrder } from '../graph/pieces/window-order.ts';
import type { TrunkPlan } from './hiera-trunk.ts';

const trunkPrefix = 'image_encoder.trunk';

/** Values of a grid's tokens in some order, channels last, with frames and tokens on any axes before them. */
export interface OrderedRows {
  readonly rows: string;
  readonly order: WindowOrder;
  readonly channels: number;
}

/** What the blocks make that see one window each. */
export interface LocalStages {
  /** What the mask decoder takes from the first two stages. */
  readonly levels: readonly OrderedRows[];
  /** Result of the last of these blocks. */
  readonly rows: OrderedRows;
}

/** From a normalised picture [frames, 3, size, size] through patches, positions and the trunk's local blocks. */
export function localStages(builder: GraphBuilder, picture: string, plan: TrunkPlan): LocalStages {
  const { order, local, channels, localSlices } = plan;
  const patches = patchEmbedding(builder, picture, `${trunkPrefix}.patch_embed.proj`);
  const tokens = builder.add('Gather', [patches, builder.integers([...order.tokens])], { axis: 1 });
  const position = trunkPosition(builder, plan);
  const ends = local.filter(({ last }) => last);
  const compute = (inner: GraphBuilder, positioned: string): string[] => {
    let rows = inner.reshape(positioned, [-1, channels]);
    const levels: string[] = [];
    for (const block of local) {
      rows = hieraBlock(inner, rows, block.prefix, block);
      if (block.last) levels.push(decoderLevel(inner, rows, block.stage));
    }
    return [...levels, rows];
  };
  const results =
    localSlices === null
      ? compute(
          builder,
          builder.add('Add', [tokens, builder.floats(position, [order.tokens.length, channels])]),
        )
      : computeInSlices(builder, tokens, position, plan, localSlices, compute);
  const last = local.at(-1) as (typeof local)[number];
  return {
    levels: ends.map((block, at) => ({
      rows: results[at] as string,
      order: block.order,
      channels: decoderChannels(builder, block.stage),
    })),
    rows: { rows: results.at(-1) as string, order: last.order, channels: last.channels },
  };
}

/** Prefix of the convolution that takes a stage's features into the feature pyramid. */
export function lateralPrefix(stage: number): string {
  // The checkpoint counts from the deepest stage.
  return `image_encoder.neck.convs.${3 - stage}.conv`;
}

/** Adds positions to tokens [frames, tokens, channels] and computes slice by slice of each frame. */
function computeInSlices(
  builder: GraphBuilder,
  tokens: string,
  position: Float32Array,
  { channels, order }: TrunkPlan,
  slices: number,
  compute: (inner: GraphBuilder, rows: string) => string[],
): string[] {
  const sliceTokens = order.tokens.length / slices;
  const frames = builder.add('Shape', [tokens], { start: 0, end: 1 });
  const numbers = builder.integers(Array.from({ length: slices }, (_, number) => number));
  const shape = builder.add('Concat', [frames, builder.integers([slices])], { axis: 0 });
  const sequences = [
    builder.reshape(tokens, [-1, sliceTokens, channels]),
    builder.reshape(builder.add('Expand', [numbers, shape]), [-1]),
  ];
  return builder.forEachSlice(sequences, (inner, [slice = '', number = '']) => {
    const positions = inner.floats(position, [slices, sliceTokens, channels]);
    return compute(inner, inner.add('Add', [slice, inner.add('Gather', [positions, number], { axis: 0 })]));
  });
}

/** Position embedding [tokens, channels] in the order of the first stage. */
function trunkPosition(builder: GraphBuilder, { order, channels }: TrunkPlan): Float32Array {
  const rowMajor = hieraPosition(
    builder.weightValues(`${trunkPrefix}.pos_embed`),
    builder.weightValues(`${trunkPrefix}.pos_embed_window`),
    channels,
    order.side,
  );
  const position = new Float32Array(rowMajor.length);
  for (const [place, token] of order.tokens.entries()) {
    position.set(rowMajor.subarray(token * channels, (token + 1) * channels), place * channels);
  }
  return position;
}

/** A stage's level of the pyramid and the mask decoder's own convolution of it. */
function decoderLevel(builder: GraphBuilder, rows: string, stage: number): string {
  return joinedConvolutions(builder, rows, lateralPrefix(stage), decoderPrefix(stage));
}

function decoderChannels(builder: GraphBuilder, stage: number): number {
  return builder.weightShape(`${decoderPrefix(stage)}.bias`)[0] ?? 0;
}

function decoderPrefix(stage: number): string {
  return `sam_mask_decoder.conv_s${stage}`;
}
