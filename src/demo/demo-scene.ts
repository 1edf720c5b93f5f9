import { Background } from './background.ts';
import { actors, panAt, panReach, waveAt } from './choreography.ts';
import { createPicture, type Picture } from './picture.ts';
import { type Pose, Sprite } from './sprite.ts';

export interface DemoSceneOptions {
  /** Even; 1280 by default. */
  readonly width?: number;
  /** Even; 720 by default. */
  readonly height?: number;
}

/**
 * A generated scene for demonstrations and tests: six objects move over a cloth while the camera pans, one
 * passes behind another, one leaves and returns. Any frame can be drawn at any time, the same each time; the
 * scene repeats after `sceneFrames`.
 */
export class DemoScene {
  readonly width: number;
  readonly height: number;
  readonly #scale: number;
  readonly #background: Background;
  readonly #sprites: readonly Sprite[];

  constructor(options: DemoSceneOptions = {}) {
    this.width = options.width ?? 1280;
    this.height = options.height ?? 720;
    this.#scale = Math.min(this.width / 1280, this.height / 720);
    const margin = (reach: number) => 2 * Math.ceil(reach * this.#scale) + 4;
    this.#background = new Background(
      this.width + margin(panReach.x),
      this.height + margin(panReach.y),
      this.#scale,
    );
    this.#sprites = actors.map(({ shape, radius }) => new Sprite(shape, radius * this.#scale));
  }

  /** What there is to see, by the ids of `masks`. */
  get objects(): readonly { readonly id: number; readonly name: string }[] {
    return actors.map(({ id, shape }) => ({ id, name: shape.name })).sort((a, b) => a.id - b.id);
  }

  /** Draws a frame into `target` (a new picture by default), which must have the scene's size. */
  render(frameIndex: number, target: Picture = createPicture(this.width, this.height)): Picture {
    if (target.width !== this.width || target.height !== this.height) {
      throw new RangeError(`the scene is ${this.width}x${this.height}, not ${target.width}x${target.height}`);
    }
    const { x, y } = this.#cameraAt(frameIndex);
    this.#background.draw(target, x, y);
    this.#forEachSprite(frameIndex, (sprite, pose) => {
      sprite.drawShadow(target, pose);
      sprite.draw(target, pose);
    });
    return target;
  }

  /** The truth about a frame: for each pixel, row by row, the id of the object seen there, 0 for none. */
  masks(frameIndex: number, target = new Uint8Array(this.width * this.height)): Uint8Array {
    target.fill(0);
    this.#forEachSprite(frameIndex, (sprite, pose, id) => {
      sprite.mark(target, this.width, this.height, pose, id);
    });
    return target;
  }

  /** Top left corner of the picture on the background. */
  #cameraAt(frameIndex: number): { readonly x: number; readonly y: number } {
    const pan = panAt(waveAt(frameIndex));
    return { x: (panReach.x + pan.x) * this.#scale, y: (panReach.y + pan.y) * this.#scale };
  }

  #forEachSprite(frameIndex: number, visit: (sprite: Sprite, pose: Pose, id: number) => void): void {
    const wave = waveAt(frameIndex);
    const pan = panAt(wave);
    for (const [place, actor] of actors.entries()) {
      const sprite = this.#sprites[place];
      if (sprite === undefined) continue;
      const pose = actor.pose(wave);
      const x = this.width / 2 + (pose.x - 640 - pan.x) * this.#scale;
      const y = this.height / 2 + (pose.y - 360 - pan.y) * this.#scale;
      visit(sprite, { ...pose, x, y }, actor.id);
    }
  }
}
