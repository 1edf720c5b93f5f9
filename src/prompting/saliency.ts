import { mapSide, pictureMapOf } from './picture-map.ts';
import { isNearAny } from './point-spacing.ts';
import type { PromptScene, PromptStrategy } from './prompt-strategy.ts';
import { saliencyOf } from './saliency-map.ts';

const maxPoints = 20;
/** Points are at least this far apart, parts of the longer side. */
const minDistance = 0.07;
/** Peaks below this part of the highest one are not worth a prompt. */
const minShare = 0.05;

/** Points on what stands out from its surroundings, the most salient first. Needs brightness or colours. */
export class Saliency implements PromptStrategy {
  readonly name = 'saliency';

  propose(scene: PromptScene): Float32Array {
    const map = pictureMapOf(scene);
    return map === null ? new Float32Array(0) : peaksOf(saliencyOf(map), scene);
  }
}

/** The highest places of a map that nothing covers: local maxima, none close to a higher one. */
function peaksOf(
  saliency: Float32Array,
  scene: Pick<PromptScene, 'aspectRatio' | 'isCovered'>,
): Float32Array {
  const highest = saliency.reduce((most, value) => Math.max(most, value), 0);
  const maxima = [...saliency.keys()]
    .filter((at) => (saliency[at] as number) > minShare * highest && isMaximum(saliency, at))
    .sort((a, b) => (saliency[b] as number) - (saliency[a] as number) || a - b);
  const points: number[] = [];
  for (const at of maxima) {
    if (points.length >= 2 * maxPoints) break;
    const x = ((at % mapSide) + 0.5) / mapSide;
    const y = (Math.floor(at / mapSide) + 0.5) / mapSide;
    if (!isNearAny(points, x, y, scene.aspectRatio, minDistance) && !scene.isCovered(x, y)) points.push(x, y);
  }
  return Float32Array.from(points);
}

/** Whether none of the eight cells around is higher. */
function isMaximum(values: Float32Array, at: number): boolean {
  const column = at % mapSide;
  const row = Math.floor(at / mapSide);
  for (let y = Math.max(0, row - 1); y <= Math.min(mapSide - 1, row + 1); y++) {
    for (let x = Math.max(0, column - 1); x <= Math.min(mapSide - 1, column + 1); x++) {
      if ((values[y * mapSide + x] as number) > (values[at] as number)) return false;
    }
  }
  return true;
}
