import { type Colour, mixColours, smoothstep } from '../../../src/demo/colour.ts';
import { type Shape, shapes } from '../../../src/demo/shapes.ts';
import type { SeededRandom } from './seeded-random.ts';

type Outline = Pick<Shape, 'name' | 'distance' | 'form' | 'shadow'>;
type Pattern = (x: number, y: number) => number;

/** Distance to a line with round ends. */
function rod(
  x: number,
  y: number,
  x0: number,
  y0: number,
  x1: number,
  y1: number,
  halfWidth: number,
): number {
  const dx = x1 - x0;
  const dy = y1 - y0;
  const along = Math.max(0, Math.min(1, ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy)));
  return Math.hypot(x - x0 - along * dx, y - y0 - along * dy) - halfWidth;
}

const ball: Outline = { ...shapes.stripedBall, name: 'ball' };

/** A cup with a handle. */
const cup: Outline = {
  name: 'cup',
  form: 'slab',
  distance: (x, y) => {
    const body = Math.max(Math.abs(x + 0.14) - 0.6 + 0.12 * y, Math.abs(y) - 0.72);
    const handle = Math.abs(Math.hypot(x - 0.5, y + 0.05) - 0.32) - 0.11;
    return Math.min(body, handle);
  },
};

const pear: Outline = {
  name: 'pear',
  form: 'ball',
  distance: (x, y) => {
    const bulge = Math.hypot(x, y - 0.32) - 0.62;
    const neck = Math.hypot(x, y + 0.5) - 0.34;
    // Blended, so that there is a waist instead of a notch.
    const blend = Math.max(0, Math.min(1, 0.5 + (0.5 * (neck - bulge)) / 0.4));
    return neck * (1 - blend) + bulge * blend - 0.4 * blend * (1 - blend);
  },
};

const toyCar: Outline = {
  name: 'toy car',
  form: 'slab',
  distance: (x, y) => {
    const body = Math.max(Math.abs(x) - 0.92, Math.abs(y - 0.18) - 0.26);
    const cabin = Math.max(Math.abs(x + 0.06) - 0.5 + 0.35 * (-0.1 - y), Math.abs(y + 0.26) - 0.26);
    const wheels = Math.hypot(Math.abs(x) - 0.52, y - 0.46) - 0.24;
    return Math.min(body, cabin, wheels);
  },
};

const instrumentOutline: Outline = {
  name: 'instrument',
  form: 'slab',
  // A round shadow would not fit a rod.
  shadow: 0.02,
  distance: (x, y) =>
    Math.min(
      rod(x, y, -0.86, 0, 0.3, 0, 0.13),
      Math.hypot(x - 0.32, y) - 0.19,
      rod(x, y, 0.32, 0, 0.86, 0.2, 0.1),
      rod(x, y, 0.32, 0, 0.86, -0.2, 0.1),
    ),
};

const outlines: readonly Outline[] = [
  ball,
  shapes.star,
  shapes.capsule,
  shapes.tile,
  shapes.flower,
  cup,
  pear,
  toyCar,
];

const wave = (phase: number) => smoothstep(-0.25, 0.25, Math.sin(phase));

const patterns: readonly Pattern[] = [
  (x, y) => wave(8 * x + 2 * y),
  (_x, y) => wave(7 * y + 0.4),
  (x, y) => wave(8 * x) * wave(8 * y),
  (x, y) => wave(13 * Math.hypot(x, y)),
  (x, y) => {
    const u = x * 2.6 - Math.round(x * 2.6);
    const v = y * 2.6 - Math.round(y * 2.6);
    return smoothstep(0.36, 0.26, Math.hypot(u, v));
  },
  (x, y) => smoothstep(-0.03, 0.03, x + 0.4 * y),
  (_x, y) => 0.5 * smoothstep(-1, 1, y),
];

/** Main colour and pattern of objects: far from each other and from the backgrounds. */
const palettes: readonly (readonly [Colour, Colour])[] = [
  [
    [222, 60, 48],
    [250, 200, 160],
  ],
  [
    [36, 98, 220],
    [168, 206, 252],
  ],
  [
    [250, 200, 50],
    [236, 130, 26],
  ],
  [
    [200, 48, 132],
    [246, 164, 206],
  ],
  [
    [52, 160, 74],
    [176, 226, 130],
  ],
  [
    [116, 68, 204],
    [206, 172, 250],
  ],
  [
    [240, 240, 236],
    [60, 64, 76],
  ],
  [
    [24, 160, 168],
    [240, 244, 220],
  ],
  [
    [236, 112, 36],
    [92, 36, 16],
  ],
  [
    [40, 42, 50],
    [210, 176, 60],
  ],
];

/** Objects that differ in outline, pattern and colours. */
export function distinctShapes(random: SeededRandom, count: number): Shape[] {
  const forms = random.shuffle(outlines);
  const colours = random.shuffle(palettes);
  return Array.from({ length: count }, (_, at) =>
    painted(forms[at % forms.length] ?? ball, random.pick(patterns), colours[at % colours.length]),
  );
}

/** A board that hides what is behind it, of a look that no object of `distinctShapes` has. */
export function occluderShape(random: SeededRandom): Shape {
  const board = random.pick<readonly [Colour, Colour]>([
    [
      [150, 116, 84],
      [120, 88, 60],
    ],
    [
      [96, 104, 116],
      [128, 138, 150],
    ],
    [
      [186, 178, 160],
      [160, 150, 130],
    ],
  ]);
  return painted({ ...shapes.tile, name: 'board' }, (x, y) => wave(5 * y + 0.8 * Math.sin(4 * x)), board);
}

/** A surgical instrument: shaft, hinge and two jaws. */
export function instrumentShape(random: SeededRandom): Shape {
  const metal = random.pick<readonly [Colour, Colour]>([
    [
      [206, 212, 220],
      [92, 98, 110],
    ],
    [
      [60, 64, 72],
      [150, 156, 166],
    ],
    [
      [70, 120, 190],
      [214, 220, 228],
    ],
  ]);
  return painted(instrumentOutline, (x, y) => 0.35 * wave(18 * y) + 0.65 * smoothstep(0.2, 0.3, x), metal);
}

function painted(
  outline: Outline,
  pattern: Pattern,
  colours: readonly [Colour, Colour] = [
    [222, 60, 48],
    [250, 200, 160],
  ],
): Shape {
  return { ...outline, colour: (x, y) => mixColours(colours[0], colours[1], pattern(x, y)) };
}
