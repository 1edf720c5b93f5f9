import { AutoGrid } from './auto-grid.ts';
import { detectorStrategy } from './detector.ts';
import { Hybrid } from './hybrid.ts';
import { Motion } from './motion.ts';
import { noStrategy, type PromptStrategy, type PromptStrategyName } from './prompt-strategy.ts';
import { Saliency } from './saliency.ts';

/**
 * Makes the strategy of a name for one stream: some remember what they have seen of it.
 *
 * @param hasDetector whether a detector runs beside the segmentation model
 */
export function createPromptStrategy(name: PromptStrategyName, hasDetector = false): PromptStrategy {
  switch (name) {
    case 'auto_grid':
      return new AutoGrid();
    case 'motion':
      return new Motion();
    case 'saliency':
      return new Saliency();
    case 'hybrid':
      return new Hybrid(hasDetector);
    case 'detector':
      return detectorStrategy;
    case 'none':
      return noStrategy;
  }
}
