import { describe, expect, it } from 'vitest';
import { BoxMotion } from '../../../src/tracker/sam2/box-motion.ts';

describe('the motion of a box', () => {
  it('is unknown before the first one, and still after it', () => {
    const motion = new BoxMotion();
    expect(motion.expect(0)).toBeNull();
    motion.observe(0, { x: 10, y: 20, width: 8, height: 4 });
    expect(motion.expect(5)).toEqual({ x: 10, y: 20, width: 8, height: 4 });
  });

  it('is learned, in place and size, and led on over gaps', () => {
    const motion = new BoxMotion();
    const boxAt = (time: number) => ({ x: 3 * time, y: 100 - time, width: 20 + time, height: 30 });
    for (let time = 0; time < 30; time++) motion.observe(time, boxAt(time));
    const expected = motion.expect(34);
    const truth = boxAt(34);
    for (const key of ['x', 'y', 'width', 'height'] as const)
      expect(expected?.[key]).toBeCloseTo(truth[key], 0);
  });

  it('follows a box that stops, and forgets', () => {
    const motion = new BoxMotion();
    for (let time = 0; time < 20; time++) motion.observe(time, { x: time, y: 0, width: 10, height: 10 });
    for (let time = 20; time < 60; time++) motion.observe(time, { x: 19, y: 0, width: 10, height: 10 });
    expect(motion.expect(65)?.x).toBeCloseTo(19, 0);
    motion.forget();
    expect(motion.isKnown).toBe(false);
    expect(motion.expect(66)).toBeNull();
  });

  it('never expects a size below nothing', () => {
    const motion = new BoxMotion();
    for (let time = 0; time < 10; time++)
      motion.observe(time, { x: 0, y: 0, width: 20 - 2 * time, height: 5 });
    expect(motion.expect(30)?.width).toBe(0);
  });
});
