import type { GraphBuilder } from '../graph/graph-builder.ts';
import { elementType } from '../graph/onnx-format.ts';
import { mlp } from '../graph/pieces/linear.ts';
import { maskCount, type Predictions } from './mask-decoder.ts';

/** A mask's area changes little between this logit and its opposite if it is stable. */
const stabilityLogit = 0.05;
/** Below this share, the single mask gives way to the best of the others. */
const leastStability = 0.98;
/** Logit everywhere in the mask of an absent object. */
const absentLogit = -1024;

/** What is reported of an object. */
export interface Selection {
  /** int64 [B]: the mask that was chosen. */
  readonly maskIndex: string;
  /** [B, 1, 4h, 4h] float32: its logits, or -1024 everywhere when the object is absent. */
  readonly lowResMask: string;
  /** [B, C] of the graph's precision: the object's pointer, or the learned one of absence. */
  readonly pointer: string;
}

/**
 * Chooses a mask per object (`_forward_sam_heads` of the published model). With `multimask` it is the one of the three
 * with the highest predicted IoU, which also gives the pointer; otherwise the single mask if it is stable, else again
 * that one, but the pointer is the single mask's. At an object score of 0 or below the object is absent.
 *
 * @param multimask [B] float32, 1 or 0
 */
export function selectMask(builder: GraphBuilder, predictions: Predictions, multimask: string): Selection {
  const { masks, ious, objectScore } = predictions;
  const one = builder.add('Not', [builder.add('Greater', [multimask, builder.singles([0])])]);
  const stability = singleMaskStability(builder, masks);
  const stable = builder.add('GreaterOrEqual', [stability, builder.singles([leastStability])]);
  const mask = bestMask(builder, ious, builder.add('And', [one, stable]));
  const present = builder.add('Greater', [objectScore, builder.singles([0])]);
  const chosen = builder.add('Unsqueeze', [pick(builder, masks, mask.row), builder.integers([1])]);
  const everywhere = builder.reshape(present, [-1, 1, 1, 1]);
  const lowResMask = builder.add('Where', [everywhere, chosen, builder.singles([absentLogit])]);
  const token = pick(builder, predictions.maskTokens, bestMask(builder, ious, one).row);
  const pointer = pointerOf(builder, token);
  const absent = builder.weight('no_obj_ptr');
  return { maskIndex: mask.index, lowResMask, pointer: builder.add('Where', [present, pointer, absent]) };
}

/** Pointers of present objects from mask tokens: [.., C] -> [.., C]. */
export function pointerOf(builder: GraphBuilder, maskToken: string): string {
  return mlp(builder, maskToken, 'obj_ptr_proj', 3, 'relu');
}

/**
 * How stable single masks are: of [B, 4, rows, columns], the area of the first mask at a somewhat higher logit over
 * that at a somewhat lower one, 1 when there is none: [B].
 */
export function singleMaskStability(builder: GraphBuilder, masks: string): string {
  const single = builder.add('Gather', [masks, builder.integers([0], [])], { axis: 1 });
  const areaAbove = (logit: number) => {
    const above = builder.add('Greater', [single, builder.singles([logit])]);
    const ones = builder.add('Cast', [above], { to: elementType.float32 });
    return builder.add('ReduceSum', [ones, builder.integers([1, 2])], { keepdims: 0 });
  };
  const large = areaAbove(-stabilityLogit);
  const ratio = builder.add('Div', [areaAbove(stabilityLogit), large]);
  const isThere = builder.add('Greater', [large, builder.singles([0])]);
  return builder.add('Where', [isThere, ratio, builder.singles([1])]);
}

/**
 * The first mask where `isSingle`, bool [B] or [1], else the one of the others with the highest predicted IoU. Indices
 * are not computed with: WebGPU would leave that to the CPU, and wait for it.
 *
 * @param ious [B, 4], from 0 to 1
 */
function bestMask(builder: GraphBuilder, ious: string, isSingle: string): { index: string; row: string } {
  const first = builder.singles([2, 0, 0, 0], [1, maskCount]);
  const several = builder.add('Sub', [ious, first]);
  const condition = builder.add('Unsqueeze', [isSingle, builder.integers([1])]);
  const scores = builder.add('Where', [condition, first, several]);
  const argMax = (keepdims: 0 | 1) => builder.add('ArgMax', [scores], { axis: 1, keepdims });
  return { index: argMax(0), row: argMax(1) };
}

/** Of values [B, n, ..], for each object the one at `index` [B, 1]: [B, ..]. */
function pick(builder: GraphBuilder, values: string, index: string): string {
  return builder.add('GatherND', [values, index], { batch_dims: 1 });
}
