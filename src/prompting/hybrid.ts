import { AutoGrid } from './auto-grid.ts';
import { Motion } from './motion.ts';
import type { MovingThings } from './moving-things.ts';
import { isNearAny } from './point-spacing.ts';
import type { PromptScene, PromptStrategy } from './prompt-strategy.ts';
import { Saliency } from './saliency.ts';

/** As many as a grid has points on a picture of 16:9. */
const maxPoints = 45;
/** Points nearer than this to a better one would find the same, parts of the longer side. */
const minDistance = 0.05;
/** How slowly a strategy's later points lose to others' earlier ones. */
const rankOffset = 6;

/** Points of one strategy, and how much its word counts. */
export interface Proposal {
  /** Most useful first, x, y pairs. */
  readonly points: Float32Array;
  readonly weight: number;
}

/**
 * What moves, what stands out, and a grid over everything else: the union of their points, those first that rank
 * high with one of them or that several of them agree on. Where there is a detector, its boxes come before all points.
 */
export class Hybrid implements PromptStrategy {
  readonly name = 'hybrid';
  readonly #motion = new Motion();
  readonly #saliency = new Saliency();
  readonly #grid = new AutoGrid();
  readonly usesDetector: boolean;

  constructor(usesDetector = false) {
    this.usesDetector = usesDetector;
  }

  get movingThings(): MovingThings {
    return this.#motion.movingThings;
  }

  observe(scene: PromptScene): void {
    this.#motion.observe(scene);
  }

  propose(scene: PromptScene, round: number): Float32Array {
    const proposals = [
      { points: this.#saliency.propose(scene), weight: 1 },
      { points: this.#grid.propose(scene, round), weight: 1 },
    ];
    // Without motion its points would be those of the grid once more.
    if (scene.motion !== undefined) {
      proposals.unshift({ points: this.#motion.propose(scene, round), weight: 2 });
    }
    return mergeProposals(proposals, scene.aspectRatio, maxPoints);
  }
}

/**
 * The union of proposals by reciprocal rank (Cormack, Clarke and Buettcher 2009): a point scores its proposal's
 * weight over its rank, plus the scores of others' points close to it; of points that are close to each other only
 * the best remains.
 *
 * @returns at most `limit` points, best first, x, y pairs
 */
export function mergeProposals(
  proposals: readonly Proposal[],
  aspectRatio: number,
  limit: number,
): Float32Array {
  const candidates = proposals.flatMap(({ points, weight }, source) =>
    Array.from({ length: points.length / 2 }, (_, rank) => ({
      source,
      x: points[2 * rank] as number,
      y: points[2 * rank + 1] as number,
      score: weight / (rankOffset + rank),
    })),
  );
  const ranked = candidates
    .map((candidate) => {
      const { x, y, source } = candidate;
      const support = proposals.map((_, other) =>
        candidates
          .filter((rival) => rival.source === other && other !== source)
          .filter((rival) => isNearAny([x, y], rival.x, rival.y, aspectRatio, minDistance))
          .reduce((best, rival) => Math.max(best, rival.score), 0),
      );
      return { ...candidate, score: support.reduce((sum, score) => sum + score, candidate.score) };
    })
    .sort((a, b) => b.score - a.score || a.source - b.source);
  const merged: number[] = [];
  for (const { x, y } of ranked) {
    if (merged.length >= 2 * limit) break;
    if (!isNearAny(merged, x, y, aspectRatio, minDistance)) merged.push(x, y);
  }
  return Float32Array.from(merged);
}
