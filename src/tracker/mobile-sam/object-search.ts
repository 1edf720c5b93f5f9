import { logitsIou } from '../../mask/mask-iou.ts';
import type { MaskLogits } from '../../mask/mask-logits.ts';
import type { DecodedMasks, MaskPrompt } from '../../model/mobile-sam/mobile-sam-model.ts';
import { enlargeTokens, heaviestComponent, tokenCoverage } from './token-grid.ts';

/** Where an object is expected on the mask grid. */
export interface Expectation {
  /** What memory says: 0 to 1 per token. */
  readonly soft: Float32Array;
  /** What motion says: logits on the mask grid; null while the object is not in view. */
  readonly prior: Float32Array | null;
  /** 0 to 1. */
  readonly priorSupport: number;
}

/** The best mask so far and how well it agrees with what was expected. */
export interface SearchBest {
  readonly logits: Float32Array;
  readonly predictedIou: number;
  /** Soft IoU with what memory says. */
  readonly memoryAgreement: number;
  /** IoU with what motion says; 0 without a prior. */
  readonly motionAgreement: number;
  readonly merit: number;
}

const tokenSide = 16;
const tokenThreshold = 0.5;
const logitLimit = 10;
/** Probabilities of memory are averages and never extreme: the decoder wants stronger logits. */
const memoryGain = 3;
const motionMerit = 0.25;
const predictionMerit = 0.5;
/** Agreement with memory below which an object with a living prior counts as absent. */
const minAgreementInView = 0.15;
/** The same for an object that has been out of view: memory found the place, how it looks there is judged later. */
const minAgreementOutOfView = 0.08;
const minPredictedIou = 0.7;
const settledPrediction = 0.9;
const settledAgreement = 0.75;

/**
 * Searches one object in one picture. Two prompts are tried, what memory expects and what motion expects; all
 * masks that the decoder proposes for them are judged by both and by the decoder's own prediction.
 */
export class ObjectSearch {
  readonly #grid: Pick<MaskLogits, 'width' | 'height'>;
  readonly #expected: Expectation;
  readonly #softMask: Float32Array;
  #best: SearchBest | null = null;

  constructor(grid: Pick<MaskLogits, 'width' | 'height'>, expected: Expectation) {
    this.#grid = grid;
    this.#expected = expected;
    this.#softMask = new Float32Array(grid.width * grid.height);
    enlargeTokens(expected.soft, grid, this.#softMask);
  }

  /** The prompts worth trying, best first; empty when neither memory nor motion knows a place. */
  prompts(): MaskPrompt[] {
    const prompts: MaskPrompt[] = [];
    const fromMemory = this.#promptFrom(this.#expected.soft, () => {
      const logits = new Float32Array(this.#softMask.length);
      for (let at = 0; at < logits.length; at++) {
        const share = Math.min(0.999, Math.max(0.001, this.#softMask[at] as number));
        logits[at] = limit(Math.log(share / (1 - share)) * memoryGain);
      }
      return logits;
    });
    if (fromMemory !== null) prompts.push(fromMemory);
    const { prior } = this.#expected;
    if (prior !== null) {
      const fromMotion = this.#promptFrom(tokenCoverage(prior, this.#grid), () => prior.map(limit));
      if (fromMotion !== null) prompts.push(fromMotion);
    }
    return prompts;
  }

  /** Judges the decoder's proposals for one prompt. */
  consider(decoded: DecodedMasks): void {
    const size = decoded.width * decoded.height;
    const { prior, priorSupport } = this.#expected;
    for (let index = 0; index < decoded.predictedIou.length; index++) {
      const logits = decoded.logits.subarray(index * size, (index + 1) * size);
      const predictedIou = Math.min(1, decoded.predictedIou[index] as number);
      const memoryAgreement = softIou(logits, this.#softMask);
      const motionAgreement = prior === null ? 0 : logitsIou(logits, prior);
      const merit =
        memoryAgreement + motionMerit * priorSupport * motionAgreement + predictionMerit * predictedIou;
      if (this.#best === null || merit > this.#best.merit) {
        this.#best = { logits, predictedIou, memoryAgreement, motionAgreement, merit };
      }
    }
  }

  /** Whether what was found agrees so well with all expectations that another prompt is not worth its time. */
  get isSettled(): boolean {
    const best = this.#best;
    return (
      best !== null &&
      best.predictedIou > settledPrediction &&
      best.memoryAgreement > settledAgreement &&
      (this.#expected.prior === null || best.motionAgreement > settledAgreement)
    );
  }

  /** The object's mask, or null when nothing found is it. The logits are the caller's own. */
  finish(): SearchBest | null {
    const best = this.#best;
    if (best === null || best.predictedIou < minPredictedIou) return null;
    const inView = this.#expected.prior !== null && best.motionAgreement > 0.05;
    if (best.memoryAgreement < (inView ? minAgreementInView : minAgreementOutOfView)) return null;
    return { ...best, logits: best.logits.slice() };
  }

  /** Box, most interior point and mask of the main part of a token map. */
  #promptFrom(tokens: Float32Array, maskLogits: () => Float32Array): MaskPrompt | null {
    const columns = this.#grid.width / 4;
    const rows = this.#grid.height / 4;
    const main =
      heaviestComponent(tokens, columns, rows, tokenThreshold) ??
      heaviestComponent(tokens, columns, rows, 0.2);
    if (main === null) return null;
    const interior = mostInterior(tokens, main.cells, columns, rows);
    return {
      points: Float32Array.of(
        ((interior % columns) + 0.5) * tokenSide,
        (Math.floor(interior / columns) + 0.5) * tokenSide,
        main.left * tokenSide,
        main.top * tokenSide,
        (main.right + 1) * tokenSide,
        (main.bottom + 1) * tokenSide,
      ),
      labels: Float32Array.of(1, 2, 3),
      maskLogits: maskLogits(),
    };
  }
}

function limit(logit: number): number {
  return Math.max(-logitLimit, Math.min(logitLimit, logit));
}

/** The cell of a component with the largest sum over its 3 x 3 neighbourhood. */
function mostInterior(values: Float32Array, cells: Uint8Array, columns: number, rows: number): number {
  let best = 0;
  let bestSum = -1;
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const cell = y * columns + x;
      if (cells[cell] === 0) continue;
      let sum = 0;
      for (let v = Math.max(0, y - 1); v <= Math.min(rows - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(columns - 1, x + 1); u++) {
          const neighbour = v * columns + u;
          if (cells[neighbour] !== 0) sum += values[neighbour] as number;
        }
      }
      if (sum > bestSum) {
        bestSum = sum;
        best = cell;
      }
    }
  }
  return best;
}

/** Overlap of a mask with a map of probabilities: sum of minima over sum of maxima. */
function softIou(logits: Float32Array, probabilities: Float32Array): number {
  let intersection = 0;
  let union = 0;
  for (let at = 0; at < logits.length; at++) {
    const share = probabilities[at] as number;
    if ((logits[at] as number) > 0) {
      intersection += share;
      union += 1;
    } else {
      union += share;
    }
  }
  return union === 0 ? 0 : intersection / union;
}
