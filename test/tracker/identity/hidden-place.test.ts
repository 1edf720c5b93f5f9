import { describe, expect, it } from 'vitest';
import { HiddenPlace } from '../../../src/tracker/identity/hidden-place.ts';
import { shapeOf } from '../../../src/tracker/identity/mask-shape.ts';

const grid = { width: 64, height: 36, spanX: 64, spanY: 36 };
const size = { lumaWidth: 640, lumaHeight: 360 };
const still = { x: 0, y: 0, zoom: 0, turn: 0, spread: 0.2 };

function squareMask(x: number, y: number, side: number): Float32Array {
  const data = new Float32Array(grid.width * grid.height).fill(-8);
  for (let row = y; row < y + side; row++) data.fill(8, row * grid.width + x, row * grid.width + x + side);
  return data;
}

/** Middle and area of the place on the present picture. */
function placeOf(place: HiddenPlace): { x: number; y: number; cells: number } | null {
  const data = new Float32Array(grid.width * grid.height);
  place.render(grid, data);
  const shape = shapeOf({ ...grid, data }, grid);
  return shape === null ? null : { x: shape.x * 640, y: shape.y * 360, cells: shape.cells };
}

describe('the place of a hidden object', () => {
  it('stays where the object was seen last while the camera rests', () => {
    const place = new HiddenPlace({ ...grid, data: squareMask(20, 10, 8) });
    for (let frame = 0; frame < 100; frame++) place.moveWith(still, size);
    expect(placeOf(place)).toEqual({ x: 240, y: 140, cells: 64 });
  });

  it('moves against the camera as it pans', () => {
    const place = new HiddenPlace({ ...grid, data: squareMask(20, 10, 8) });
    // What is here now was 3 pixels further right before: the picture moves left.
    for (let frame = 0; frame < 20; frame++) place.moveWith({ ...still, x: 3, y: -1 }, size);
    const moved = placeOf(place);
    expect(moved?.x).toBeCloseTo(240 - 60, 0);
    expect(moved?.y).toBeCloseTo(140 + 20, 0);
  });

  it('grows about the centre of the picture as the camera zooms in', () => {
    const place = new HiddenPlace({ ...grid, data: squareMask(36, 14, 8) });
    for (let frame = 0; frame < 10; frame++) place.moveWith({ ...still, zoom: -0.05 }, size);
    const factor = 1 / 0.95 ** 10;
    const moved = placeOf(place);
    expect(moved?.x).toBeCloseTo(320 + (400 - 320) * factor, -1);
    expect((moved?.cells ?? 0) / 64).toBeCloseTo(factor ** 2, 0);
  });

  it('follows a pan that comes after a turn', () => {
    const place = new HiddenPlace({ ...grid, data: squareMask(44, 14, 8) });
    // A quarter turn in small steps: what was right of the centre comes to lie below it or above.
    for (let frame = 0; frame < 90; frame++) {
      const angle = Math.PI / 180;
      place.moveWith({ ...still, zoom: Math.cos(angle) - 1, turn: Math.sin(angle) }, size);
    }
    const turned = placeOf(place);
    expect(turned?.x).toBeCloseTo(320, -1);
    expect(Math.abs((turned?.y ?? 0) - 180)).toBeGreaterThan(120);
    for (let frame = 0; frame < 10; frame++) place.moveWith({ ...still, x: 4 }, size);
    expect(placeOf(place)?.x).toBeCloseTo(280, -1);
  });

  it('is nowhere once the camera has left it behind', () => {
    const place = new HiddenPlace({ ...grid, data: squareMask(0, 10, 8) });
    for (let frame = 0; frame < 30; frame++) place.moveWith({ ...still, x: 4 }, size);
    expect(placeOf(place)).toBeNull();
    for (let frame = 0; frame < 30; frame++) place.moveWith({ ...still, x: -4 }, size);
    expect(placeOf(place)?.cells).toBe(64);
  });

  it('keeps its place in the picture when the luma plane changes size', () => {
    const place = new HiddenPlace({ ...grid, data: squareMask(20, 10, 8) });
    place.moveWith({ ...still, x: 32, y: 18 }, size);
    place.moveWith(still, { lumaWidth: 320, lumaHeight: 180 });
    expect(placeOf(place)?.x).toBeCloseTo(240 - 32, -1);
  });
});
