import { AutoGrid } from './auto-grid.ts';
import { MovingThings } from './moving-things.ts';
import type { PromptScene, PromptStrategy } from './prompt-strategy.ts';

/** Places at which things have moved by themselves lately. */
export class Motion implements PromptStrategy {
  readonly name = 'motion';
  readonly movingThings = new MovingThings();
  readonly #grid = new AutoGrid();

  observe(scene: PromptScene): void {
    this.movingThings.observe(scene);
  }

  /** Where nobody measures motion, asks at the points of a grid. */
  propose(scene: PromptScene, round: number): Float32Array {
    return scene.motion === undefined ? this.#grid.propose(scene, round) : this.movingThings.places(scene);
  }
}
