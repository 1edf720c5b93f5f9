import { describe, expect, it } from 'vitest';
import { renderMask } from '../../src/mask/mask-logits.ts';
import { encodeRunLengthRegion } from '../../src/mask/run-length.ts';
import type { Prompt, PromptShape } from '../../src/prompting/prompt.ts';
import { checkPrompt, promptedLogits } from '../../src/tracker/prompted-mask.ts';

const frame = { index: 4, timestampNs: 0n, width: 100, height: 50 };
const point = (x: number, y: number) => ({ x, y, positive: true });
const box = (x: number, y: number, width: number, height: number) => ({ x, y, width, height });
const mask = encodeRunLengthRegion(new Uint8Array(50).fill(1), box(10, 20, 10, 5), 100, 50);
const small = encodeRunLengthRegion(new Uint8Array(4).fill(1), box(0, 0, 2, 2), 50, 100);

function check(shape: PromptShape, rest: Partial<Prompt> = {}): void {
  checkPrompt({ shape, author: 'person', ...rest }, frame, 'cam');
}

describe('checkPrompt', () => {
  it.each<{ name: string; shape: PromptShape; objectId?: number }>([
    { name: 'a point in a corner', shape: { kind: 'points', points: [point(0, 50)] } },
    {
      name: 'only negative points with a box',
      shape: { kind: 'points', points: [], box: box(0, 0, 100, 50) },
    },
    { name: 'a box that fills the picture', shape: { kind: 'box', box: box(0, 0, 100, 50) } },
    { name: 'a mask of the size', shape: { kind: 'mask', mask } },
    { name: 'id zero', shape: { kind: 'mask', mask }, objectId: 0 },
  ])('takes $name', ({ shape, objectId }) => {
    check(shape, objectId === undefined ? {} : { objectId });
  });

  it.each<{ name: string; shape: PromptShape; objectId?: number }>([
    { name: 'no points', shape: { kind: 'points', points: [] } },
    { name: 'one point of several outside', shape: { kind: 'points', points: [point(1, 1), point(101, 1)] } },
    { name: 'a point that is no number', shape: { kind: 'points', points: [point(1, Number.NaN)] } },
    { name: 'a point at infinity', shape: { kind: 'points', points: [point(Number.POSITIVE_INFINITY, 1)] } },
    {
      name: 'a bad box beside points',
      shape: { kind: 'points', points: [point(1, 1)], box: box(1, 1, 0, 1) },
    },
    { name: 'a box with a corner outside', shape: { kind: 'box', box: box(90, 40, 11, 5) } },
    { name: 'a box without height', shape: { kind: 'box', box: box(1, 1, 5, 0) } },
    { name: 'a box that is no number', shape: { kind: 'box', box: box(1, 1, Number.NaN, 5) } },
    { name: 'a mask on its side', shape: { kind: 'mask', mask: small } },
    { name: 'an id below zero', shape: { kind: 'mask', mask }, objectId: -1 },
    { name: 'an id beyond whole numbers', shape: { kind: 'mask', mask }, objectId: 2 ** 53 },
  ])('refuses $name and says where', ({ shape, objectId }) => {
    expect(() => check(shape, objectId === undefined ? {} : { objectId })).toThrow(
      expect.objectContaining({
        code: 'TRACKCAST_PROMPT_INVALID',
        place: { streamId: 'cam', frameIndex: 4 },
      }),
    );
  });
});

describe('promptedLogits', () => {
  it('draws the mask on the grid', () => {
    const logits = promptedLogits(mask, { width: 60, height: 30, spanX: 50, spanY: 25 });
    expect(renderMask(logits, 100, 50)).toMatchObject({ box: box(10, 20, 10, 5) });
  });

  it('refuses runs that are none', () => {
    const grid = { width: 60, height: 30, spanX: 50, spanY: 25 };
    expect(() => promptedLogits({ size: [50, 100], counts: 'what' }, grid)).toThrow(
      expect.objectContaining({ code: 'TRACKCAST_MASK_INVALID' }),
    );
  });
});
