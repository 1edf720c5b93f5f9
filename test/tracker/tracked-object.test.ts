import { describe, expect, it } from 'vitest';
import { occludedSeconds } from '../../src/tracker/life-cycle.ts';
import { TrackedObject } from '../../src/tracker/tracked-object.ts';
import { stillField, stillMask } from './still-mask.ts';

const second = 1_000_000_000n;
const scratch = (size: number) => new Float32Array(size);

function newObject(): TrackedObject {
  return new TrackedObject({
    id: 7,
    author: 'strategy',
    label: null,
    frameIndex: 10,
    timestampNs: 5n * second,
    score: 0.8,
  });
}

describe('TrackedObject', () => {
  it('has nothing to show before it has a mask', () => {
    const object = newObject();
    expect(object.toTrack(128, 96, scratch)).toEqual({
      id: 7,
      label: null,
      state: 'active',
      score: 0,
      box: null,
      area: 0,
      mask: null,
      firstFrame: 10,
      lastSeenFrame: 10,
      author: 'strategy',
    });
    expect(object.judgeCarriedMask()).toEqual({ kind: 'none' });
  });

  it('shows its mask in source pixels', () => {
    const object = newObject();
    object.show(stillMask(4, 3, 8, 6), 0.9, false);
    const track = object.toTrack(128, 96, scratch);
    expect(track).toMatchObject({ score: 0.9, box: { x: 16, y: 12, width: 32, height: 24 } });
    expect(track.mask?.size).toEqual([96, 128]);
    // The same mask on a picture of another size.
    expect(object.toTrack(64, 48, scratch).box).toEqual({ x: 8, y: 6, width: 16, height: 12 });
  });

  it('counts as seen on every frame on which motion carries its mask', () => {
    const object = newObject();
    object.show(stillMask(), 0.9, false);
    expect(object.observe({ kind: 'none' }, 11, 6n * second)).toBeNull();
    expect(object.lastSeenFrame).toBe(11);
    expect(object.hiddenSeconds(9n * second)).toBe(3);
  });

  it('drops its mask when it is hidden, and tells of each change once', () => {
    const object = newObject();
    object.show(stillMask(), 0.9, false);
    object.observe({ kind: 'seen' }, 11, 6n * second);
    expect(object.observe({ kind: 'absent' }, 12, 7n * second)).toEqual({ kind: 'occluded', trackId: 7 });
    expect(object.mask).toBeNull();
    expect(object.observe({ kind: 'absent' }, 13, 8n * second)).toBeNull();
    expect(object.lastSeenFrame).toBe(11);
    const late = 6n * second + BigInt(occludedSeconds) * second + 1n;
    expect(object.observe({ kind: 'none' }, 14, late)).toEqual({ kind: 'lost', trackId: 7 });
    object.show(stillMask(), 0.7, true);
    expect(object.observe({ kind: 'seen' }, 15, late)).toEqual({ kind: 'recovered', trackId: 7 });
    expect(object.state).toBe('active');
    expect(object.lastSeenFrame).toBe(15);
  });

  it('counts confirmations, which what made it is not', () => {
    const object = newObject();
    object.show(stillMask(), 0.9, false);
    expect(object.confirmations).toBe(0);
    object.show(stillMask(), 0.9, true);
    expect(object.confirmations).toBe(1);
  });

  it('doubts a mask that motion has lost, and lowers its score before', () => {
    const object = newObject();
    const mask = stillMask();
    object.show(mask, 0.9, true);
    const misfit = stillField();
    misfit.weight.fill(1);
    misfit.residual.fill(60);
    mask.step(misfit);
    expect(object.score).toBeLessThan(0.9);
    expect(object.score).toBeGreaterThan(0);
    expect(object.judgeCarriedMask()).toEqual({ kind: 'none' });
    for (let step = 0; step < 40; step++) mask.step(misfit);
    expect(object.judgeCarriedMask()).toEqual({ kind: 'unsupported' });
  });

  it('notices that its mask has left the picture', () => {
    const object = newObject();
    const mask = stillMask(26, 3, 5, 5);
    object.show(mask, 0.9, true);
    const out = stillField();
    out.weight.fill(1);
    out.dx.fill(-8);
    for (let step = 0; step < 4; step++) mask.step(out);
    expect(object.judgeCarriedMask()).toEqual({ kind: 'left_view' });
  });
});
