import { tissueLook } from './backdrop.ts';
import { distinctShapes, instrumentShape } from './object-shapes.ts';
import { type CameraPose, type Scene, type SceneObject, type Shot, sceneSize } from './scene.ts';
import {
  leadFrames,
  near,
  randomBackdrop,
  randomSwing,
  restingCamera,
  type Swing,
  still,
  tailFrames,
} from './scene-parts.ts';
import { SeededRandom } from './seeded-random.ts';

const places = [
  [150, 96],
  [478, 100],
  [300, 190],
  [128, 276],
  [502, 270],
] as const;

/** Objects side by side that never touch. */
function scattered(
  random: SeededRandom,
  count: number,
  firstId: number,
  swingOf: () => Swing,
  spread = 1,
): SceneObject[] {
  const spots = random.shuffle(places);
  return distinctShapes(random, count).map((shape, at) => {
    const [x, y] = spots[at % spots.length] ?? places[0];
    const placeX = 320 + (x - 320) * spread + random.between(-16, 16);
    const placeY = 180 + (y - 180) * spread + random.between(-12, 12);
    return { id: firstId + at, shape, radius: random.between(34, 46), pose: near(placeX, placeY, swingOf()) };
  });
}

const idsOf = (objects: readonly SceneObject[]) => objects.map(({ id }) => id);

/** From 0 to 1 and back between two frames, smoothly. */
const thereAndBack = (frameIndex: number, from: number, to: number) => {
  const share = Math.max(0, Math.min(1, (frameIndex - from) / (to - from)));
  return 0.5 - 0.5 * Math.cos(2 * Math.PI * share);
};

/** The hand that holds a camera is never quite still. */
function shake(random: SeededRandom, strength: number): (frameIndex: number) => { x: number; y: number } {
  const rates = Array.from({ length: 4 }, () => random.between(0.3, 1.3));
  const swing = (at: number, frameIndex: number) => strength * Math.sin((rates[at] ?? 1) * frameIndex + at);
  return (frameIndex) => ({
    x: swing(0, frameIndex) + swing(1, frameIndex),
    y: swing(2, frameIndex) + swing(3, frameIndex),
  });
}

function cameraScene(
  kind: string,
  seed: number,
  random: SeededRandom,
  objects: readonly SceneObject[],
  camera: (frameIndex: number) => CameraPose,
  motionFrames: number,
): Scene {
  const shot = { backdrop: randomBackdrop(random), objects, camera };
  return {
    name: `${kind} #${seed}`,
    frames: leadFrames + motionFrames + tailFrames,
    shot: () => shot,
    event: { kind: 'span', objectIds: idsOf(objects), from: leadFrames, to: leadFrames + motionFrames },
  };
}

/** A shaking camera pans away, so that some objects leave the picture, and back. */
export function panScene(seed: number): Scene {
  const random = new SeededRandom(seed);
  const objects = scattered(random, 3, 1, () => randomSwing(random));
  const frames = random.integer(90, 130);
  const angle = random.between(0, 2 * Math.PI);
  const reach = random.between(130, 240);
  const shaken = shake(random, random.between(0, 0.8));
  return cameraScene(
    'pan',
    seed,
    random,
    objects,
    (frameIndex) => {
      const share = thereAndBack(frameIndex, leadFrames, leadFrames + frames);
      const { x, y } = shaken(frameIndex);
      return {
        x: 320 + x + share * reach * Math.cos(angle),
        y: 180 + y + 0.6 * share * reach * Math.sin(angle),
        zoom: 1,
      };
    },
    frames,
  );
}

/** The camera zooms in by up to 1.8 (even seeds) or out by up to 1.6, and back. */
export function zoomScene(seed: number): Scene {
  const random = new SeededRandom(seed);
  const isIn = seed % 2 === 0;
  const objects = scattered(random, 3, 1, () => randomSwing(random), isIn ? 0.62 : 1);
  const frames = random.integer(90, 130);
  const farthest = isIn ? random.between(1.4, 1.8) : 1 / random.between(1.3, 1.6);
  const shaken = shake(random, 0.3);
  return cameraScene(
    'zoom',
    seed,
    random,
    objects,
    (frameIndex) => {
      const share = thereAndBack(frameIndex, leadFrames, leadFrames + frames);
      const { x, y } = shaken(frameIndex);
      return { x: 320 + x, y: 180 + y, zoom: farthest ** share };
    },
    frames,
  );
}

/** One to three frames get far too much light. */
export function flashScene(seed: number): Scene {
  const random = new SeededRandom(seed);
  const objects = scattered(random, 3, 1, () => randomSwing(random, 14, 0.4));
  const flashed = 1 + (seed % 3);
  const light = random.between(3, 7);
  const scene = cameraScene('flash', seed, random, objects, restingCamera, flashed);
  return {
    ...scene,
    exposure: (frameIndex) => (frameIndex >= leadFrames && frameIndex < leadFrames + flashed ? light : 1),
  };
}

/** Another camera is shown for a while, then the first one again. */
export function cutScene(seed: number): Scene {
  const random = new SeededRandom(seed);
  const first: Shot = {
    backdrop: randomBackdrop(random),
    objects: scattered(random, 3, 1, () => randomSwing(random, 10, 0.3)),
    camera: restingCamera,
  };
  const second: Shot = {
    backdrop: randomBackdrop(random),
    objects: scattered(random, 3, 11, () => randomSwing(random, 10, 0.3)),
    camera: restingCamera,
  };
  const cutBack = leadFrames + random.integer(15, 70);
  return {
    name: `cut #${seed}`,
    frames: cutBack + tailFrames,
    shot: (frameIndex) => (frameIndex >= leadFrames && frameIndex < cutBack ? second : first),
    event: { kind: 'span', objectIds: idsOf(first.objects), from: leadFrames, to: cutBack },
  };
}

/** Nothing moves, and new objects are looked for all the time. */
export function staticScene(seed: number, frames = 200): Scene {
  const random = new SeededRandom(seed);
  const objects = scattered(random, random.integer(3, 5), 1, () => still(random));
  const shot = { backdrop: randomBackdrop(random), objects, camera: restingCamera };
  return {
    name: `static #${seed}`,
    frames,
    shot: () => shot,
    event: { kind: 'span', objectIds: idsOf(objects), from: leadFrames, to: frames - tailFrames },
    repromptIntervalFrames: 2,
    segmentationMs: 120,
  };
}

/**
 * As seen by an endoscope: a round picture in black, wet tissue with reflections, an instrument that comes from the
 * edge, and a breathing, drifting camera.
 */
export function endoscopeScene(seed: number): Scene {
  const random = new SeededRandom(seed);
  const frames = 240;
  const angle = random.between(-0.7, 0.7) + (random.chance() ? Math.PI : 0);
  const instrument: SceneObject = {
    id: 1,
    shape: instrumentShape(random),
    radius: random.between(150, 170),
    pose: (frameIndex) => {
      const reach = 62 + 22 * Math.sin(frameIndex / 23 + seed);
      return {
        x: 320 - reach * Math.cos(angle),
        y: 180 - reach * Math.sin(angle),
        turn: angle + 0.12 * Math.sin(frameIndex / 31),
        scale: 1,
      };
    },
  };
  const [swab, marker] = distinctShapes(random, 2);
  const [side, rise] = [random.chance() ? 1 : -1, random.chance() ? 1 : -1];
  const lying = [swab, marker].flatMap((shape, at) => {
    if (shape === undefined) return [];
    const x = 320 + side * (at === 0 ? 84 : -70);
    const y = 180 + rise * (at === 0 ? 88 : -98);
    return [{ id: 2 + at, shape, radius: random.between(24, 31), pose: near(x, y, still(random)) }];
  });
  const highlights = Array.from({ length: 14 }, () => ({
    x: random.between(170, 470),
    y: random.between(30, 330),
    radius: random.between(2, 7),
  }));
  const shaken = shake(random, 0.7);
  const objects = [...lying, instrument];
  const shot: Shot = {
    backdrop: { ...tissueLook, seed: random.integer(1, 1000) },
    objects,
    camera: (frameIndex) => {
      const { x, y } = shaken(frameIndex);
      const breath = Math.sin(frameIndex / 13);
      return {
        x: 320 + x + 26 * Math.sin(frameIndex / 40 + seed),
        y: 180 + y + 16 * Math.sin(frameIndex / 33) + 4 * breath,
        zoom: 1 + 0.05 * Math.sin(frameIndex / 47) + 0.012 * breath,
      };
    },
  };
  return {
    name: `endoscope #${seed}`,
    frames,
    shot: () => shot,
    event: { kind: 'span', objectIds: idsOf(objects), from: leadFrames, to: frames - tailFrames },
    roundView: { x: sceneSize.width / 2, y: sceneSize.height / 2, radius: 170, highlights },
  };
}
