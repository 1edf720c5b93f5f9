import { TrackcastError } from '../../errors.ts';
import type { HieraBlock } from '../graph/pieces/hiera-block.ts';
import { pooledOrder, reordering, type WindowOrder, windowOrder } from '../graph/pieces/window-order.ts';
import type { TrunkArchitecture } from './architecture.ts';

/** Input pixels per token of the first stage, along both sides. */
const patchStride = 4;

/** A block of the trunk and the order of the tokens that it makes. */
export interface TrunkBlock extends HieraBlock {
  /** Of its weights' keys. */
  readonly prefix: string;
  readonly stage: number;
  /** Of its result. */
  readonly channels: number;
  /** Whether its result is that of its stage. */
  readonly last: boolean;
  readonly order: WindowOrder;
}

/** How the trunk makes the features of four stages out of patches. */
export interface TrunkPlan {
  /** Of patches. */
  readonly channels: number;
  /** Of the tokens that the first block reads. */
  readonly order: WindowOrder;
  /** Blocks that see no more than one window of the first stage, so that windows can be computed apart. */
  readonly local: readonly TrunkBlock[];
  /** Into how many equal parts the windows of a picture are cut for the local blocks; null to compute them together. */
  readonly localSlices: number | null;
  /** Where the tokens that the other blocks read lie among the results of the local ones. */
  readonly reordering: readonly number[];
  readonly rest: readonly TrunkBlock[];
}

/**
 * Plans the trunk so that tokens change their order once. Windows of the second stage are those of the first, pooled,
 * and the first block of a stage still attends within windows of the stage before; so windows of the fourth stage
 * are those of the third.
 *
 * @param imageSize side of the square input, pixels, a multiple of 32
 * @param sliceValues how many values a slice holds at the width of the trunk's stage, nearly; Infinity for no slices
 * @throws TrackcastError TRACKCAST_MODEL_INVALID for windows that are not like that
 */
export function planTrunk(trunk: TrunkArchitecture, imageSize: number, sliceValues: number): TrunkPlan {
  const { stages, globalBlocks, embedDimension } = trunk;
  const [first = 0, second = 0, third = 0, fourth = 0] = trunk.windows;
  const side = imageSize / patchStride;
  const [one = 0, two = 0, deep = 0] = stages;
  const localEnd = one + two;
  if (
    stages.length !== 4 ||
    second * 2 !== first ||
    fourth * 2 !== third ||
    side % first !== 0 ||
    deep < 2 ||
    globalBlocks.some((block) => block <= localEnd)
  ) {
    const message = `a trunk with windows of ${trunk.windows.join(', ')} and ${side} tokens a side is not known`;
    throw new TrackcastError('TRACKCAST_MODEL_INVALID', message);
  }
  const order = windowOrder(side, first, 2);
  const reordered = windowOrder(side / 4, third, 1);
  const blocks: TrunkBlock[] = [];
  let current = order;
  for (const [stage, depth] of stages.entries()) {
    for (let at = 0; at < depth; at++) {
      const index = blocks.length;
      const pooled = at === 0 && stage > 0;
      if (index === localEnd + 1) current = reordered;
      const windows = current.groups;
      if (pooled) current = pooledOrder(current);
      const tokens = current.side ** 2;
      const channels = embedDimension * 2 ** stage;
      blocks.push({
        prefix: `image_encoder.trunk.blocks.${index}`,
        stage,
        channels,
        last: at === depth - 1,
        heads: trunk.heads * 2 ** stage,
        groups: globalBlocks.includes(index) ? [{ windows: 1, tokens, missing: 0 }] : windows,
        pooled,
        sliceRows: index > localEnd ? sliceRows(tokens, sliceValues / channels) : null,
        order: current,
      });
    }
  }
  const windows = (side / first) ** 2;
  const sliceWindows = sliceRows(windows, sliceValues / embedDimension / first ** 2);
  const local = blocks.slice(0, localEnd + 1);
  return {
    channels: embedDimension,
    order,
    local,
    localSlices: sliceWindows === null ? null : windows / sliceWindows,
    reordering: reordering((local.at(-1) as TrunkBlock).order.tokens, reordered.tokens),
    rest: blocks.slice(localEnd + 1),
  };
}

/** The divisor of the number of rows that comes nearest to the wanted one; null when that is all of them. */
function sliceRows(rows: number, wanted: number): number | null {
  const distance = (count: number) => Math.abs(Math.log(count / wanted));
  let best = rows;
  for (let count = 1; count < rows; count++) {
    if (rows % count === 0 && distance(count) < distance(best)) best = count;
  }
  return best === rows ? null : best;
}
