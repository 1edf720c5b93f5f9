import { TrackcastError } from '../../errors.ts';
import type { SparsePrompt } from '../../model/sam2/sam2-runtime.ts';
import type { PromptShape } from '../../prompting/prompt.ts';

const negativeLabel = 0;
const positiveLabel = 1;
const topLeftLabel = 2;
const bottomRightLabel = 3;

/** Sizes between which coordinates are converted, pixels. */
export interface PromptScale {
  /** Of the source picture. */
  readonly width: number;
  readonly height: number;
  /** Side of the model's square input. */
  readonly imageSize: number;
}

/**
 * A prompt's clicks and box as points of the model's input: the corners of a box first, then clicks. The picture is
 * stretched to a square, so x and y scale apart; each step is rounded to float32 as the published predictor does.
 *
 * @param earlier clicks of the same frame to add to, null for none
 * @throws TrackcastError `TRACKCAST_PROMPT_INVALID` for a prompt that shows nothing, or a box after clicks
 */
export function sparsePrompt(
  shape: Exclude<PromptShape, { kind: 'mask' }>,
  scale: PromptScale,
  earlier: SparsePrompt | null,
): SparsePrompt {
  const points: number[] = [];
  const labels: number[] = [];
  const add = (x: number, y: number, label: number) => {
    points.push(x, y);
    labels.push(label);
  };
  if (shape.box !== undefined) {
    if (earlier !== null) {
      throw new TrackcastError('TRACKCAST_PROMPT_INVALID', 'a box cannot be added to earlier clicks');
    }
    const { x, y, width, height } = shape.box;
    add(x, y, topLeftLabel);
    add(x + width, y + height, bottomRightLabel);
  }
  if (shape.kind === 'points') {
    for (const { x, y, positive } of shape.points) add(x, y, positive ? positiveLabel : negativeLabel);
  }
  if (labels.length === 0) {
    throw new TrackcastError('TRACKCAST_PROMPT_INVALID', 'a prompt needs a point, a box or a mask');
  }
  const scaled = scalePoints(Float32Array.from(points), scale);
  if (earlier === null) return { points: scaled, labels };
  return {
    points: Float32Array.of(...earlier.points, ...scaled),
    labels: [...earlier.labels, ...labels],
  };
}

/** Points of the source picture as points of the model's input, x and y in turn. */
export function scalePoints(points: Float32Array, { width, height, imageSize }: PromptScale): Float32Array {
  return points.map((value, index) => Math.fround(value / (index % 2 === 0 ? width : height)) * imageSize);
}

/** Whether a prompt is ambiguous (a part, the object, a group), so that the best of three masks is asked for. */
export function isAmbiguous({ labels }: SparsePrompt): boolean {
  return labels.length <= 1;
}
