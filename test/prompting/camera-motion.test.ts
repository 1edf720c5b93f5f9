import { describe, expect, it } from 'vitest';
import { fitCameraMotion, ownMotion } from '../../src/prompting/camera-motion.ts';
import { isInDisc, paintedMotion } from './painted-scene.ts';

const [width, height] = [320, 180];

/** Motion of a camera at places in parts of the picture. */
function camera(x: number, y: number, zoom: number, turn: number) {
  return (atX: number, atY: number): readonly [number, number] => {
    const [fromX, fromY] = [(atX - 0.5) * width, (atY - 0.5) * height];
    return [x + zoom * fromX - turn * fromY, y + turn * fromX + zoom * fromY];
  };
}

const motions = [
  { name: 'a standing camera', x: 0, y: 0, zoom: 0, turn: 0 },
  { name: 'a pan', x: 6, y: -2, zoom: 0, turn: 0 },
  { name: 'a zoom', x: 0, y: 0, zoom: -0.03, turn: 0 },
  { name: 'a turn', x: 0, y: 0, zoom: 0, turn: 0.02 },
  { name: 'all at once', x: -4, y: 3, zoom: 0.02, turn: -0.03 },
];

describe('fitCameraMotion', () => {
  it.each(motions)('finds $name', ({ x, y, zoom, turn }) => {
    const fitted = fitCameraMotion(paintedMotion(width, height, camera(x, y, zoom, turn)));
    expect(fitted?.x).toBeCloseTo(x, 3);
    expect(fitted?.y).toBeCloseTo(y, 3);
    expect(fitted?.zoom).toBeCloseTo(zoom, 5);
    expect(fitted?.turn).toBeCloseTo(turn, 5);
  });

  it.each(motions)('finds $name behind a large thing that moves by itself', ({ x, y, zoom, turn }) => {
    const isOnThing = isInDisc({ x: 0.35, y: 0.5, radius: 0.4 });
    const ofCamera = camera(x, y, zoom, turn);
    const field = paintedMotion(width, height, (atX, atY) =>
      isOnThing(atX, atY) ? [x + 7, y - 9] : ofCamera(atX, atY),
    );
    const fitted = fitCameraMotion(field);
    expect(fitted).not.toBeNull();
    if (fitted === null) return;
    const own = field.dx.map((_, cell) => ownMotion(field, fitted, cell));
    own.forEach((motion, cell) => {
      const atX = (((cell % field.columns) + 0.5) * 8) / width;
      const atY = ((Math.floor(cell / field.columns) + 0.5) * 8) / height;
      if (isOnThing(atX, atY)) expect(motion).toBeGreaterThan(2);
      else expect(motion).toBeLessThan(0.1);
    });
  });

  it('pays no attention to cells that cannot be trusted', () => {
    const field = paintedMotion(width, height, (x) => (x < 0.7 ? [40, 40] : [2, 1]));
    const weight = field.weight.map((_, cell) => ((cell % field.columns) * 8 < 0.7 * width ? 0.01 : 0.8));
    const fitted = fitCameraMotion({ ...field, weight });
    expect(fitted?.x).toBeCloseTo(2, 3);
    expect(fitted?.y).toBeCloseTo(1, 3);
    expect(fitCameraMotion({ ...field, weight: weight.fill(0) })).toBeNull();
  });

  it('says how much the cells differ that follow the camera', () => {
    const noise = (x: number, y: number) => Math.sin(x * 9301 + y * 4931) + Math.sin(x * 233 + y * 7919);
    const field = paintedMotion(width, height, (x, y) => [3 + noise(x, y), noise(y, x)]);
    expect(fitCameraMotion(field)?.x).toBeCloseTo(3, 0);
    expect(fitCameraMotion(field)?.spread).toBeGreaterThan(0.7);
    expect(fitCameraMotion(field)?.spread).toBeLessThan(1.3);
  });

  it('takes a single cell for a pan', () => {
    const field = paintedMotion(8, 8, () => [5, -4]);
    expect(fitCameraMotion(field)).toMatchObject({ x: 5, y: -4, zoom: 0, turn: 0 });
  });
});
