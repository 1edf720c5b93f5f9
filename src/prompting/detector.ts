import type { PromptStrategy } from './prompt-strategy.ts';

/** What a detector sees, and nothing else: no points, but the boxes that it finds where the models run. */
export const detectorStrategy: PromptStrategy = {
  name: 'detector',
  usesDetector: true,
  propose: () => new Float32Array(0),
};
