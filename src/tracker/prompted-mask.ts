import type { FrameInfo } from '../buffer/frame.ts';
import { TrackcastError } from '../errors.ts';
import { logitsFromMask, type MaskLogits, positiveExtent } from '../mask/mask-logits.ts';
import { decodeRunLength, type RunLengthMask, runLengthArea } from '../mask/run-length.ts';
import type { Prompt } from '../prompting/prompt.ts';

/** Ids stay far below where whole numbers lose their precision. */
const maxObjectId = 2 ** 31 - 1;

/** What a prompt is checked against. */
export type PromptedFrame = Pick<FrameInfo, 'index' | 'timestampNs' | 'width' | 'height'>;

/**
 * Checks a prompt before anything is changed by it. Throws `TRACKCAST_PROMPT_INVALID` for coordinates outside
 * the picture, empty shapes and masks of another size, `TRACKCAST_MASK_INVALID` for masks that are none.
 */
export function checkPrompt(prompt: Prompt, frame: PromptedFrame, streamId: string): void {
  const fail = (message: string): never => {
    throw new TrackcastError('TRACKCAST_PROMPT_INVALID', message, { streamId, frameIndex: frame.index });
  };
  const { shape, objectId } = prompt;
  if (objectId !== undefined && !(Number.isInteger(objectId) && objectId >= 0 && objectId <= maxObjectId)) {
    fail(`${objectId} is no object id: ids are whole numbers from 0 to ${maxObjectId}`);
  }
  const isInside = (x: number, y: number) => x >= 0 && y >= 0 && x <= frame.width && y <= frame.height;
  if (shape.kind === 'points') {
    if (shape.points.length === 0 && shape.box === undefined)
      fail('a prompt by points needs at least one point');
    for (const { x, y } of shape.points) {
      if (!isInside(x, y)) fail(`point ${x},${y} is outside the picture of ${frame.width}x${frame.height}`);
    }
  }
  const box = shape.kind === 'mask' ? undefined : shape.box;
  if (box !== undefined) {
    const fits = isInside(box.x, box.y) && isInside(box.x + box.width, box.y + box.height);
    if (!fits || !(box.width > 0) || !(box.height > 0)) {
      fail(`box ${box.x},${box.y} ${box.width}x${box.height} is not inside ${frame.width}x${frame.height}`);
    }
  }
  if (shape.kind === 'mask') {
    const [height, width] = shape.mask.size;
    if (width !== frame.width || height !== frame.height) {
      fail(`a mask of ${width}x${height} does not fit the picture of ${frame.width}x${frame.height}`);
    }
    if (runLengthArea(shape.mask) === 0) fail('a mask without a pixel shows nothing');
  }
}

/**
 * Logits of a mask prompt. Throws `TRACKCAST_MASK_INVALID`, and `TRACKCAST_PROMPT_INVALID` for a mask that is too
 * small to be seen on the grid.
 */
export function promptedLogits(
  mask: RunLengthMask,
  grid: Pick<MaskLogits, 'width' | 'height' | 'spanX' | 'spanY'>,
): MaskLogits {
  const [height, width] = mask.size;
  const logits = logitsFromMask(decodeRunLength(mask), width, height, grid);
  if (positiveExtent(logits) === null) {
    throw new TrackcastError('TRACKCAST_PROMPT_INVALID', 'the mask is too small to be tracked');
  }
  return logits;
}
