import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sceneFrames } from '../../src/demo/choreography.ts';
import { DemoScene } from '../../src/demo/demo-scene.ts';
import { createPicture } from '../../src/demo/picture.ts';

const scene = new DemoScene({ width: 640, height: 360 });

function areas(frameIndex: number): Map<number, number> {
  const counts = new Map<number, number>();
  for (const id of scene.masks(frameIndex)) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

function digest(frameIndex: number): string {
  return createHash('sha256').update(scene.render(frameIndex).data).digest('hex');
}

describe('the demo scene', () => {
  it('draws the same frame the same way, in any order, by any instance', () => {
    const first = digest(123);
    digest(700);
    expect(digest(123)).toBe(first);
    const other = new DemoScene({ width: 640, height: 360 }).render(123, createPicture(640, 360));
    expect(createHash('sha256').update(other.data).digest('hex')).toBe(first);
  });

  it('repeats without a seam', () => {
    expect(digest(sceneFrames)).toBe(digest(0));
    expect(digest(sceneFrames - 1)).not.toBe(digest(0));
    const [last, next] = [scene.render(sceneFrames - 1).y, scene.render(sceneFrames).y];
    const change = last.reduce((sum, value, at) => sum + Math.abs(value - (next[at] ?? 0)), 0) / last.length;
    expect(change).toBeLessThan(6);
  });

  it('stays within limited range', () => {
    const { y, u, v } = scene.render(40);
    expect(Math.min(...new Set(y))).toBeGreaterThanOrEqual(16);
    expect(Math.max(...new Set(y))).toBeLessThanOrEqual(235);
    for (const plane of [u, v]) {
      expect(Math.min(...new Set(plane))).toBeGreaterThanOrEqual(16);
      expect(Math.max(...new Set(plane))).toBeLessThanOrEqual(240);
    }
  });

  it('shows six objects, each large enough to be seen', () => {
    expect(scene.objects.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6]);
    const seen = areas(0);
    expect([...seen.keys()].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    for (const { id } of scene.objects) expect(seen.get(id)).toBeGreaterThan(2500);
  });

  it('hides the dotted ball behind the striped one, and lets the flower leave and return', () => {
    const dotted: number[] = [];
    const flower: number[] = [];
    for (let frame = 0; frame < sceneFrames; frame += 5) {
      const seen = areas(frame);
      dotted.push(seen.get(2) ?? 0);
      flower.push(seen.get(6) ?? 0);
    }
    expect(Math.min(...dotted)).toBeLessThan(0.3 * Math.max(...dotted));
    const gone = flower.filter((area) => area === 0).length / flower.length;
    expect(gone).toBeGreaterThan(0.05);
    expect(gone).toBeLessThan(0.3);
    const departures = flower.filter((area, at) => area === 0 && (flower[at - 1] ?? 0) > 0).length;
    expect(departures).toBe(2);
  });

  it('tells the truth: what changes between the picture with and without objects is what the masks say', () => {
    // An object's colours differ from the cloth's, so chroma tells object from background.
    const { u, v } = scene.render(200);
    const map = scene.masks(200);
    let agree = 0;
    for (let row = 0; row < 180; row++) {
      for (let column = 0; column < 320; column++) {
        const at = row * 320 + column;
        const cloth = Math.abs((u[at] ?? 0) - 137) < 9 && Math.abs((v[at] ?? 0) - 117) < 9;
        if (cloth === (map[row * 2 * 640 + column * 2] === 0)) agree++;
      }
    }
    expect(agree / (180 * 320)).toBeGreaterThan(0.98);
  });

  it('moves slowly enough to be followed: masks of neighbouring frames overlap', () => {
    for (let frame = 0; frame < sceneFrames; frame += 97) {
      const [before, after] = [scene.masks(frame), scene.masks(frame + 1)];
      for (const { id } of scene.objects) {
        let both = 0;
        let either = 0;
        for (let at = 0; at < before.length; at++) {
          const [a, b] = [before[at] === id, after[at] === id];
          if (a && b) both++;
          if (a || b) either++;
        }
        if (either > 2000) expect(both / either, `object ${id} in frame ${frame}`).toBeGreaterThan(0.75);
      }
    }
  });

  it('refuses pictures of another size', () => {
    expect(() => scene.render(0, createPicture(320, 180))).toThrow(RangeError);
    expect(() => createPicture(641, 360)).toThrow(RangeError);
  });
});
