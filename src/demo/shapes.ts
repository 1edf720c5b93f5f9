import { type Colour, mixColours, smoothstep } from './colour.ts';

/** How an object of the scene looks before it is turned, lit and moved. Lengths are in radii: 1 reaches the rim. */
export interface Shape {
  readonly name: string;
  /** Signed distance to the contour, negative inside. */
  readonly distance: (x: number, y: number) => number;
  readonly colour: (x: number, y: number) => Colour;
  /** `ball`: light falls as on a sphere; `slab`: flat with rounded edges. */
  readonly form: 'ball' | 'slab';
  /** How far the shadow spreads, 1 by default. */
  readonly shadow?: number;
}

const circle = (x: number, y: number) => Math.hypot(x, y) - 1;

/** Alternates between -1 and 1 with soft edges. */
function bands(phase: number, softness: number): number {
  return 2 * smoothstep(-softness, softness, Math.sin(phase)) - 1;
}

const stripedBall: Shape = {
  name: 'striped ball',
  form: 'ball',
  distance: circle,
  colour: (x, y) => {
    const latitude = Math.asin(Math.max(-1, Math.min(1, y * 0.96)));
    const share = 0.5 + 0.5 * bands(latitude * 6.2 + 0.5 + 0.25 * x * x, 0.16);
    return mixColours([232, 78, 58], [250, 206, 160], share);
  },
};

const dottedBall: Shape = {
  name: 'dotted ball',
  form: 'ball',
  distance: circle,
  colour: (x, y) => {
    // Stretched towards the rim as on a sphere.
    const bulge = 1 / Math.max(0.35, Math.sqrt(Math.max(0, 1 - 0.8 * (x * x + y * y))));
    const column = Math.round(x * bulge * 2.3);
    const u = x * bulge * 2.3 - column;
    const v = y * bulge * 2.3 + (column % 2 === 0 ? 0 : 0.5);
    const dot = smoothstep(0.33, 0.25, Math.hypot(u, v - Math.round(v)));
    return mixColours([40, 104, 222], [170, 208, 255], dot);
  },
};

/** A five-pointed star with soft tips. */
const star: Shape = {
  name: 'star',
  form: 'slab',
  distance: (x, y) => {
    const sector = (2 * Math.PI) / 5;
    const turn = Math.atan2(x, -y);
    const angle = Math.abs(turn - sector * Math.round(turn / sector));
    const radius = Math.hypot(x, y);
    // The edge between a tip and the next hollow, seen in its own half sector.
    const [tip, hollow] = [0.93, 0.5];
    const edgeX = hollow * Math.cos(sector / 2) - tip;
    const edgeY = hollow * Math.sin(sector / 2);
    const length = Math.hypot(edgeX, edgeY);
    const fromTipX = radius * Math.cos(angle) - tip;
    const fromTipY = radius * Math.sin(angle);
    const along = Math.max(0, Math.min(1, (fromTipX * edgeX + fromTipY * edgeY) / (length * length)));
    const apart = Math.hypot(fromTipX - edgeX * along, fromTipY - edgeY * along);
    const inside = fromTipX * edgeY - fromTipY * edgeX < 0;
    return (inside ? -apart : apart) - 0.06;
  },
  colour: (x, y) => {
    const ring = 0.5 + 0.5 * bands(Math.hypot(x, y) * 21, 0.5);
    return mixColours(
      mixColours([255, 206, 66], [242, 140, 30], smoothstep(-0.8, 0.9, y)),
      [255, 226, 130],
      ring * 0.35,
    );
  },
};

const capsule: Shape = {
  name: 'capsule',
  form: 'slab',
  shadow: 0.66,
  distance: (x, y) => Math.hypot(Math.max(0, Math.abs(x) - 0.58), y) - 0.4,
  colour: (x, y) => {
    const halves = mixColours([206, 52, 130], [246, 158, 202], smoothstep(-0.03, 0.03, x));
    const rounding = 1 - smoothstep(0.05, 0.42, Math.abs(y + 0.1));
    return mixColours(mixColours(halves, [60, 10, 40], 0.28), halves, rounding);
  },
};

const tile: Shape = {
  name: 'tile',
  form: 'slab',
  distance: (x, y) => {
    const dx = Math.max(0, Math.abs(x) - 0.56);
    const dy = Math.max(0, Math.abs(y) - 0.56);
    const within = Math.min(0, Math.max(Math.abs(x) - 0.56, Math.abs(y) - 0.56));
    return Math.hypot(dx, dy) + within - 0.18;
  },
  colour: (x, y) => {
    const checks = bands(x * 9 + Math.PI / 2, 0.2) * bands(y * 9 + Math.PI / 2, 0.2);
    return mixColours([70, 176, 88], [132, 214, 112], 0.5 + 0.5 * checks);
  },
};

const flower: Shape = {
  name: 'flower',
  form: 'slab',
  distance: (x, y) => (Math.hypot(x, y) - (0.84 + 0.14 * Math.cos(7 * Math.atan2(y, x)))) * 0.85,
  colour: (x, y) => {
    const radius = Math.hypot(x, y);
    const petal = 0.5 + 0.5 * Math.cos(7 * Math.atan2(y, x));
    const violet = mixColours([118, 70, 206], [190, 150, 250], petal * smoothstep(0.2, 0.9, radius));
    return mixColours([252, 214, 96], violet, smoothstep(0.25, 0.31, radius));
  },
};

export const shapes = { stripedBall, dottedBall, star, capsule, tile, flower };
