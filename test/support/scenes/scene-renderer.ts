import { createPicture, type Picture } from '../../../src/demo/picture.ts';
import type { Shape } from '../../../src/demo/shapes.ts';
import { type Pose, Sprite } from '../../../src/demo/sprite.ts';
import { Backdrop, type BackdropLook } from './backdrop.ts';
import {
  type CameraPose,
  type RoundView,
  type Scene,
  type SceneObject,
  type Shot,
  sceneSize,
} from './scene.ts';

const { width, height } = sceneSize;
const blackLuma = 16;
const neutral = 128;

/** Draws a scene's frames and says what is seen on them. */
export class SceneRenderer {
  readonly #scene: Scene;
  readonly #backdrops = new Map<BackdropLook, Backdrop>();
  readonly #sprites = new Map<Shape, Map<number, Sprite>>();
  readonly #areas = new Map<Shape, number>();
  /** 1 outside the round view. */
  readonly border: Uint8Array | null;

  constructor(scene: Scene) {
    this.#scene = scene;
    this.border = scene.roundView === undefined ? null : borderOf(scene.roundView);
  }

  render(frameIndex: number, target: Picture = createPicture(width, height)): Picture {
    const shot = this.#scene.shot(frameIndex);
    const camera = shot.camera(frameIndex);
    this.#backdropOf(shot).draw(target, camera);
    for (const object of shot.objects) {
      const pose = onScreen(object.pose(frameIndex), camera);
      const sprite = this.#spriteOf(object);
      sprite.drawShadow(target, pose);
      sprite.draw(target, pose);
    }
    const { roundView, exposure } = this.#scene;
    if (roundView !== undefined) drawRoundView(target, roundView, camera, frameIndex);
    const light = exposure?.(frameIndex) ?? 1;
    if (light !== 1) expose(target, light);
    return target;
  }

  /** For each pixel, row by row, the id of the object seen there, 0 for none. */
  ids(frameIndex: number, target = new Uint8Array(width * height)): Uint8Array {
    const shot = this.#scene.shot(frameIndex);
    const camera = shot.camera(frameIndex);
    target.fill(0);
    for (const object of shot.objects) {
      const pose = onScreen(object.pose(frameIndex), camera);
      this.#spriteOf(object).mark(target, width, height, pose, object.id);
    }
    const { border } = this;
    if (border !== null) for (let at = 0; at < target.length; at++) if (border[at] === 1) target[at] = 0;
    return target;
  }

  /** Area of a whole object on a frame, pixels, whether it is seen or not. */
  wholeArea(object: SceneObject, frameIndex: number): number {
    const { scale } = onScreen(object.pose(frameIndex), this.#scene.shot(frameIndex).camera(frameIndex));
    return this.#unitArea(object.shape) * (object.radius * scale) ** 2;
  }

  #unitArea(shape: Shape): number {
    const known = this.#areas.get(shape);
    if (known !== undefined) return known;
    const steps = 200;
    let inside = 0;
    for (let at = 0; at < steps * steps; at++) {
      const x = ((at % steps) + 0.5) * (2 / steps) - 1;
      const y = (Math.floor(at / steps) + 0.5) * (2 / steps) - 1;
      if (shape.distance(x, y) < 0) inside++;
    }
    const area = (4 * inside) / (steps * steps);
    this.#areas.set(shape, area);
    return area;
  }

  #backdropOf({ backdrop }: Shot): Backdrop {
    const known = this.#backdrops.get(backdrop);
    if (known !== undefined) return known;
    const made = new Backdrop(backdrop, width, height);
    this.#backdrops.set(backdrop, made);
    return made;
  }

  #spriteOf({ shape, radius }: SceneObject): Sprite {
    const ofShape = this.#sprites.get(shape) ?? new Map<number, Sprite>();
    this.#sprites.set(shape, ofShape);
    const sprite = ofShape.get(radius) ?? new Sprite(shape, radius);
    ofShape.set(radius, sprite);
    return sprite;
  }
}

function onScreen(pose: Pose, { x, y, zoom }: CameraPose): Pose {
  return {
    x: width / 2 + (pose.x - x) * zoom,
    y: height / 2 + (pose.y - y) * zoom,
    turn: pose.turn,
    scale: pose.scale * zoom,
  };
}

function borderOf({ x, y, radius }: RoundView): Uint8Array {
  const border = new Uint8Array(width * height);
  for (let at = 0; at < border.length; at++) {
    const dx = (at % width) + 0.5 - x;
    const dy = Math.floor(at / width) + 0.5 - y;
    if (Math.hypot(dx, dy) > radius) border[at] = 1;
  }
  return border;
}

/** Reflections on wet spots, light that falls off from the middle, and black around the round picture. */
function drawRoundView(target: Picture, view: RoundView, camera: CameraPose, frameIndex: number): void {
  for (const [place, spot] of view.highlights.entries()) {
    // The lamp moves with the camera, so reflections wander half as far as what they are on, and glitter.
    const x = width / 2 + (spot.x - 0.5 * camera.x - 0.25 * width) * camera.zoom;
    const y = height / 2 + (spot.y - 0.5 * camera.y - 0.25 * height) * camera.zoom;
    const radius = spot.radius * (1 + 0.3 * Math.sin(0.9 * frameIndex + 2.1 * place));
    drawHighlight(target, x, y, radius);
  }
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const distance = Math.hypot(column + 0.5 - view.x, row + 0.5 - view.y) / view.radius;
      const light = distance > 1 ? 0 : 1.12 - 0.55 * distance * distance;
      const at = row * width + column;
      target.y[at] = Math.min(235, blackLuma + ((target.y[at] as number) - blackLuma) * light);
      if (row % 2 === 0 && column % 2 === 0 && distance > 1) {
        const half = (row / 2) * (width / 2) + column / 2;
        target.u[half] = neutral;
        target.v[half] = neutral;
      }
    }
  }
}

function drawHighlight(target: Picture, x: number, y: number, radius: number): void {
  for (let row = Math.max(0, Math.floor(y - radius)); row < Math.min(height, y + radius); row++) {
    for (
      let column = Math.max(0, Math.floor(x - 1.6 * radius));
      column < Math.min(width, x + 1.6 * radius);
      column++
    ) {
      const distance = Math.hypot((column - x) / 1.6, row - y) / radius;
      const share = Math.min(1, Math.max(0, 1.8 * (1 - distance)));
      const at = row * width + column;
      const luma = target.y[at] as number;
      target.y[at] = luma + (235 - luma) * share;
      if (row % 2 === 0 && column % 2 === 0) {
        const half = (row / 2) * (width / 2) + column / 2;
        target.u[half] = neutral + ((target.u[half] as number) - neutral) * (1 - share);
        target.v[half] = neutral + ((target.v[half] as number) - neutral) * (1 - share);
      }
    }
  }
}

/** Too much light: brightness saturates, and colours pale. */
function expose(target: Picture, light: number): void {
  const veil = 30 * (light - 1);
  for (let at = 0; at < target.y.length; at++) {
    target.y[at] = Math.min(235, blackLuma + ((target.y[at] as number) - blackLuma) * light + veil);
  }
  const paleness = 1 / light;
  for (let at = 0; at < target.u.length; at++) {
    target.u[at] = neutral + ((target.u[at] as number) - neutral) * paleness;
    target.v[at] = neutral + ((target.v[at] as number) - neutral) * paleness;
  }
}
