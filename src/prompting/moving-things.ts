import { sampleBilinear } from '../mask/bilinear.ts';
import { type CameraMotion, fitCameraMotion, minTrust, ownMotion } from './camera-motion.ts';
import { regionsOf } from './moving-regions.ts';
import type { PictureMotion, PromptScene } from './prompt-strategy.ts';

/** Own motion below this may be an error of measurement, luma pixels per frame. */
const minOwnMotion = 0.7;
/** Own motion counts from this many standard deviations of the camera's fit on. */
const minDeviations = 4;
/** What one frame of own motion adds to a cell's evidence, and one without takes away. */
const gain = 0.25;
const decline = 0.04;
/** Evidence from which a cell belongs to something that moves: own motion over three frames. */
const minEvidence = 0.7;
/** Fewer cells than this are an error or too small to prompt for. */
const minCells = 3;
/** A larger part of the picture than this is the scene, not a thing in it. */
const maxShare = 0.4;
/** What is left beside a track must be this deep, cells: motion reaches a little beyond every outline. */
const minDepthBesideTrack = 2;
const maxPoints = 16;

/**
 * Where things have moved by themselves lately. Each frame adds to the evidence of the cells that do not follow
 * the camera; evidence moves with the picture, so that it stays with what has earned it. Serves one stream.
 */
export class MovingThings {
  #evidence: Float32Array = new Float32Array(0);
  #size: Pick<PictureMotion, 'columns' | 'rows'> = { columns: 0, rows: 0 };

  /** Sees every frame, in order. */
  observe({ motion, camera }: Pick<PromptScene, 'motion' | 'camera'>): void {
    if (motion === undefined || motion === null) {
      this.#evidence = new Float32Array(0);
      return;
    }
    const { columns, rows } = motion;
    if (this.#evidence.length === 0 || this.#size.columns !== columns || this.#size.rows !== rows) {
      this.#evidence = new Float32Array(columns * rows);
      this.#size = { columns, rows };
    }
    this.#evidence = accumulate(
      this.#evidence,
      motion,
      camera === undefined ? fitCameraMotion(motion) : camera,
    );
  }

  /** A point inside each thing that no track covers, the largest first, as x, y pairs. */
  places(scene: PromptScene): Float32Array {
    const { motion } = scene;
    return motion === undefined || motion === null || this.#evidence.length === 0
      ? new Float32Array(0)
      : movingPlaces(this.#evidence, motion, scene);
  }
}

/**
 * Evidence after one more frame.
 *
 * @param evidence per cell, on the frame before, 0 to 1
 * @param camera what of the motion is the camera's; null where that is not known, so that nothing moves by itself
 */
export function accumulate(
  evidence: Float32Array,
  motion: PictureMotion,
  camera: CameraMotion | null,
): Float32Array {
  const { columns, rows, cellSize, dx, dy, weight } = motion;
  const result = new Float32Array(evidence.length);
  const threshold = camera === null ? 0 : Math.max(minOwnMotion, minDeviations * camera.spread);
  for (let cell = 0; cell < result.length; cell++) {
    const column = (cell % columns) + (dx[cell] as number) / cellSize;
    const row = Math.floor(cell / columns) + (dy[cell] as number) / cellSize;
    const before = sampleBilinear(evidence, columns, column, row, 0, 0, columns - 1, rows - 1);
    const isMoving =
      camera !== null && (weight[cell] as number) >= minTrust && ownMotion(motion, camera, cell) > threshold;
    result[cell] = isMoving ? Math.min(1, before + gain) : Math.max(0, before - decline);
  }
  return result;
}

/**
 * A point inside each region that has moved for a while and that no track covers, the largest region first.
 *
 * @param evidence per cell, 0 to 1
 */
function movingPlaces(
  evidence: Float32Array,
  { columns, cellSize, lumaWidth, lumaHeight }: PictureMotion,
  scene: Pick<PromptScene, 'isCovered'>,
): Float32Array {
  const isOpen = new Uint8Array(evidence.length);
  const isCovered = new Uint8Array(evidence.length);
  const placeOf = (cell: number): readonly [number, number] => [
    // Cells at the right and bottom may reach beyond the picture.
    Math.min(((cell % columns) + 0.5) * cellSize, lumaWidth - 1) / lumaWidth,
    Math.min((Math.floor(cell / columns) + 0.5) * cellSize, lumaHeight - 1) / lumaHeight,
  ];
  for (let cell = 0; cell < evidence.length; cell++) {
    if ((evidence[cell] as number) < minEvidence) continue;
    if (scene.isCovered(...placeOf(cell))) isCovered[cell] = 1;
    else isOpen[cell] = 1;
  }
  const isBesideTrack = (cells: readonly number[]) =>
    cells.some((cell) =>
      [cell - 1, cell + 1, cell - columns, cell + columns].some((next) => isCovered[next] === 1),
    );
  const points = regionsOf(isOpen, columns)
    .filter(({ cells }) => cells.length >= minCells && cells.length <= maxShare * evidence.length)
    .filter(({ cells, depth }) => depth >= minDepthBesideTrack || !isBesideTrack(cells))
    .slice(0, maxPoints)
    .flatMap(({ innerCell }) => placeOf(innerCell));
  return Float32Array.from(points);
}
