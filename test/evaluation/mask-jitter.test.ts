import { describe, expect, it } from 'vitest';
import { JitterMeter, type ShownMask } from '../../src/evaluation/mask-jitter.ts';
import { encodeRunLength } from '../../src/mask/run-length.ts';
import { picture } from '../tracker/propagation/known-motion.ts';

const width = 320;
const height = 192;
/** Source pixels that the world moves by on every frame. */
const speed = 3;
const frames = 12;

function disc(centreX: number, centreY: number, radius: number) {
  const pixels = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (Math.hypot(x + 0.5 - centreX, y + 0.5 - centreY) < radius) pixels[y * width + x] = 1;
    }
  }
  return encodeRunLength(pixels, width, height);
}

/** Jitter of masks on a textured world that moves to the right. */
function jitterOf(shownOn: (frame: number) => readonly ShownMask[]) {
  const meter = new JitterMeter();
  for (let frame = 0; frame < frames; frame++) {
    // Half of the source's pixels.
    meter.observe(
      picture((x, y) => [x - (frame * speed) / 2, y]),
      shownOn(frame),
    );
  }
  return meter.measure();
}

const steady = (id: number) => (frame: number) => ({ id, mask: disc(100 + speed * frame, 96, 40) });

describe('JitterMeter', () => {
  it('costs a mask that moves with the picture next to nothing', () => {
    const jitter = jitterOf((frame) => [steady(1)(frame)]);
    expect(jitter.pairs).toBe(frames - 1);
    expect(jitter.median).toBeLessThan(0.02);
    expect(jitter.p95).toBeLessThan(0.03);
  });

  it('scores a shaking mask worse, and the more so the more it shakes', () => {
    const shaking = (by: number) =>
      jitterOf((frame) => [{ id: 1, mask: disc(100 + speed * frame + (frame % 2 ? by : -by), 96, 40) }]);
    const still = jitterOf((frame) => [steady(1)(frame)]);
    expect(shaking(2).median).toBeGreaterThan(still.median + 0.05);
    expect(shaking(6).median).toBeGreaterThan(shaking(2).median + 0.1);
  });

  it('scores a mask worse that changes its size while its place is right', () => {
    const breathing = jitterOf((frame) => [
      { id: 1, mask: disc(100 + speed * frame, 96, frame % 2 ? 36 : 44) },
    ]);
    // IoU of discs of radius 36 and 44 is (36 / 44)².
    expect(breathing.median).toBeCloseTo(1 - (36 / 44) ** 2, 1);
  });

  it('scores a mask worse that stays behind while what it was on moves', () => {
    const left = jitterOf(() => [{ id: 1, mask: disc(100, 96, 40) }]);
    expect(left.median).toBeGreaterThan(0.05);
  });

  it('tells a single jump from constant unrest', () => {
    const jump = jitterOf((frame) => [
      { id: 1, mask: disc(100 + speed * frame + (frame < 6 ? 0 : 30), 96, 40) },
    ]);
    expect(jump.median).toBeLessThan(0.02);
    expect(jump.p95).toBeGreaterThan(0.3);
  });

  it('compares each object with itself, and only on consecutive frames', () => {
    const { pairs, p95 } = jitterOf((frame) => [
      steady(1)(frame),
      // Another place under another id, every other frame.
      frame % 2 === 0 ? { id: 2, mask: disc(220, 60, 20) } : { id: 2, mask: null },
    ]);
    expect(pairs).toBe(frames - 1);
    expect(p95).toBeLessThan(0.03);
  });

  it('compares nothing across a scene cut', () => {
    const meter = new JitterMeter();
    for (let frame = 0; frame < frames; frame++) {
      const { luma, ...rest } = picture((x, y) => [x * 1.3, y * 1.3], frame < 6 ? 1 : 77);
      const bold = luma.map((value) => (value > 128 ? 240 : 15));
      meter.observe({ ...rest, luma: bold }, [{ id: 1, mask: disc(frame < 6 ? 80 : 220, 96, 40) }]);
    }
    const jitter = meter.measure();
    expect(jitter.pairs).toBe(frames - 2);
    expect(jitter.p95).toBeLessThan(0.01);
  });

  it('has nothing to say without consecutive masks', () => {
    expect(new JitterMeter().measure()).toEqual({ median: Number.NaN, p95: Number.NaN, pairs: 0 });
    expect(jitterOf((frame) => (frame === 3 ? [steady(1)(frame)] : [])).pairs).toBe(0);
  });
});
