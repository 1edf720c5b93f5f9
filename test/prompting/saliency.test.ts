import { describe, expect, it } from 'vitest';
import { mapSide, pictureMapOf } from '../../src/prompting/picture-map.ts';
import { Saliency } from '../../src/prompting/saliency.ts';
import { saliencyOf, spectralResidual } from '../../src/prompting/saliency-map.ts';
import { texture } from '../tracker/texture.ts';
import { grey, isInDisc, type PaintedSceneOptions, paintedScene, pointsOf, red } from './painted-scene.ts';

const propose = (options: PaintedSceneOptions) => pointsOf(new Saliency().propose(paintedScene(options)));

describe('Saliency', () => {
  it('begins with what differs most from its surroundings', () => {
    const isRed = isInDisc({ x: 0.7, y: 0.4, radius: 0.12 });
    const isDim = isInDisc({ x: 0.25, y: 0.6, radius: 0.12 });
    const points = propose({
      colourAt: (x, y) => (isRed(x, y) ? red : isDim(x, y) ? [130, 110, 110] : grey),
    });
    expect(points[0] && isRed(points[0].x, points[0].y)).toBe(true);
    expect(points.some(({ x, y }) => isDim(x, y))).toBe(true);
  });

  it('sees colours of the same brightness', () => {
    const isGreen = isInDisc({ x: 0.3, y: 0.5, radius: 0.15 });
    const points = propose({ colourAt: (x, y) => (isGreen(x, y) ? [60, 150, 60] : [150, 60, 60]) });
    expect(points[0] && isGreen(points[0].x, points[0].y)).toBe(true);
  });

  it('passes over reflections of the lamp, and sees white things', () => {
    const isRed = isInDisc({ x: 0.7, y: 0.5, radius: 0.15 });
    const isReflection = isInDisc({ x: 0.3, y: 0.4, radius: 0.03 });
    const withReflection = propose({
      colourAt: (x, y) => (isReflection(x, y) ? [255, 255, 255] : isRed(x, y) ? red : [150, 90, 80]),
    });
    expect(withReflection.length).toBeGreaterThan(0);
    expect(withReflection.some(({ x, y }) => isReflection(x, y))).toBe(false);
    expect(withReflection[0] && isRed(withReflection[0].x, withReflection[0].y)).toBe(true);
    const isWhite = isInDisc({ x: 0.3, y: 0.4, radius: 0.2 });
    const [first] = propose({ colourAt: (x, y) => (isWhite(x, y) ? [250, 250, 250] : [150, 90, 80]) });
    expect(first && isWhite(first.x, first.y)).toBe(true);
  });

  it('is not drawn to the edges of letterboxes and endoscopes', () => {
    const shaded = (x: number, y: number): readonly [number, number, number] => {
      const value = 120 + 20 * texture(x * 300, y * 170);
      return [value, value * 0.8, value * 0.75];
    };
    const isRed = isInDisc({ x: 0.55, y: 0.5, radius: 0.1 });
    for (const isInside of [
      isInDisc({ x: 0.5, y: 0.5, radius: 0.46 }),
      (_: number, y: number) => y > 0.15 && y < 0.85,
      (x: number) => x > 0.2 && x < 0.8,
    ]) {
      const [first] = propose({
        colourAt: (x, y) => (isInside(x, y) ? (isRed(x, y) ? red : shaded(x, y)) : [2, 2, 2]),
      });
      expect(first && isRed(first.x, first.y)).toBe(true);
    }
  });

  it('finds nothing in a picture without contrast', () => {
    expect(propose({})).toEqual([]);
    expect(propose({ colourAt: (x) => [100 + 2 * x, 100, 100] })).toEqual([]);
  });

  it('gives each thing one point', () => {
    const discs = [0.15, 0.38, 0.61, 0.84].map((x) => isInDisc({ x, y: 0.5, radius: 0.08 }));
    const points = propose({ colourAt: (x, y) => (discs.some((isIn) => isIn(x, y)) ? red : grey) });
    expect(discs.map((isIn) => points.filter(({ x, y }) => isIn(x, y)).length)).toEqual([1, 1, 1, 1]);
  });

  it('looks at the picture, not at the padding beside it', () => {
    const isRed = isInDisc({ x: 0.6, y: 0.6, radius: 0.15 });
    const scene = paintedScene({ width: 200, height: 112, colourAt: (x, y) => (isRed(x, y) ? red : grey) });
    const colours = new Uint8Array(256 * 160 * 3).fill(250);
    for (let row = 0; row < 112; row++) {
      colours.set(scene.colours?.colours.subarray(row * 600, (row + 1) * 600) ?? [], row * 256 * 3);
    }
    const padded = { width: 256, contentWidth: 200, contentHeight: 112, colours };
    const points = new Saliency().propose({ ...scene, colours: padded });
    expect(points).toEqual(new Saliency().propose(scene));
  });
});

describe('spectralResidual', () => {
  it('is high where a regular pattern is broken', () => {
    const stripes = Float32Array.from({ length: mapSide * mapSide }, (_, at) => {
      const column = at % mapSide;
      const row = Math.floor(at / mapSide);
      const isBroken = Math.abs(column - 45) < 4 && Math.abs(row - 20) < 4;
      return isBroken ? 128 : 128 + 60 * Math.sin((2 * Math.PI * column) / 8);
    });
    const residual = spectralResidual(stripes, new Uint8Array(stripes.length).fill(1));
    const highest = residual.indexOf(Math.max(...residual));
    expect(Math.abs((highest % mapSide) - 45)).toBeLessThan(8);
    expect(Math.abs(Math.floor(highest / mapSide) - 20)).toBeLessThan(8);
    expect(Math.max(...residual)).toBe(1);
  });
});

describe('saliencyOf', () => {
  it('is 0 where nothing is seen', () => {
    const map = pictureMapOf(paintedScene({ colourAt: (x) => (x < 0.3 ? [4, 4, 4] : x > 0.6 ? red : grey) }));
    expect(map).not.toBeNull();
    if (map === null) return;
    const saliency = saliencyOf(map);
    expect(Math.max(...saliency)).toBeGreaterThan(0.3);
    expect(saliency.every((value, at) => value === 0 || at % mapSide > 0.3 * mapSide)).toBe(true);
  });
});
