import type { PromptScene, PromptStrategy } from './prompt-strategy.ts';

/** Points along the longer side of the picture. */
const pointsAlongLongSide = 9;

/** Where the points of successive rounds lie within their squares. */
const phases = [
  [0.5, 0.5],
  [1, 1],
  [1, 0.5],
  [0.5, 1],
] as const;

/**
 * A regular grid of points over everything that no track covers, moved by half its spacing from round to round, so
 * that what lies between the points of one round is hit by another. Points come in an order that spreads: however
 * few of them a frame's budget allows, they are far apart.
 */
export class AutoGrid implements PromptStrategy {
  readonly name = 'auto_grid';

  propose(scene: PromptScene, round: number): Float32Array {
    const { columns, rows } = gridSize(scene.aspectRatio);
    const [phaseX, phaseY] = phases[round % phases.length] ?? phases[0];
    const points: number[] = [];
    for (const at of spreadOrder(columns * rows)) {
      const x = ((at % columns) + phaseX) / columns;
      const y = (Math.floor(at / columns) + phaseY) / rows;
      if (x < 1 && y < 1 && !scene.isCovered(x, y)) points.push(x, y);
    }
    return Float32Array.from(points);
  }
}

/** Rows and columns of nearly square spacing. */
function gridSize(aspectRatio: number): { columns: number; rows: number } {
  const long = pointsAlongLongSide;
  if (aspectRatio >= 1) return { columns: long, rows: Math.max(2, Math.round(long / aspectRatio)) };
  return { columns: Math.max(2, Math.round(long * aspectRatio)), rows: long };
}

/** All of 0 to count - 1, consecutive ones far apart: multiples of a step near the golden ratio, coprime to count. */
function spreadOrder(count: number): number[] {
  let step = Math.max(1, Math.round(count * 0.618));
  while (greatestCommonDivisor(step, count) !== 1) step++;
  return Array.from({ length: count }, (_, index) => (index * step + Math.floor(count / 2)) % count);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
