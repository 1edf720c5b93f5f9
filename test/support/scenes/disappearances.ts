import { distinctShapes, occluderShape } from './object-shapes.ts';
import type { Scene, SceneObject } from './scene.ts';
import { sceneSize } from './scene.ts';
import {
  along,
  flipped,
  leadFrames,
  near,
  type Path,
  randomBackdrop,
  randomSwing,
  restingCamera,
  tailFrames,
} from './scene-parts.ts';
import { SeededRandom } from './seeded-random.ts';

const subjectId = 1;
const occluderId = 9;
/** Half a board's side in its radii. */
const boardHalfSide = 0.72;

/** Two objects that have nothing to do with what happens, in corners of the picture. */
function bystanders(random: SeededRandom, shapes: readonly SceneObject['shape'][]): SceneObject[] {
  const corners = random.shuffle([
    [80, 52],
    [560, 54],
    [84, 308],
    [556, 310],
  ] as const);
  return shapes.map((shape, at) => {
    const [x, y] = corners[at % corners.length] ?? corners[0] ?? [80, 52];
    return {
      id: subjectId + 1 + at,
      shape,
      radius: random.between(30, 38),
      pose: near(x, y, randomSwing(random)),
    };
  });
}

/**
 * An object is hidden for about so many frames: with an even seed a board passes over it, with an odd seed it goes
 * behind a standing board. It comes out on the far side, or sometimes where it went in.
 */
export function occlusionScene(hiddenFrames: number, seed: number): Scene {
  const random = new SeededRandom(seed);
  const [shape, ...others] = distinctShapes(random, 3);
  if (shape === undefined) throw new RangeError('no object');
  const radius = random.between(36, 44);
  const boardRadius = radius * random.between(1.65, 1.8);
  const covers = boardHalfSide * boardRadius - radius * 0.85;
  const x = random.between(270, 370);
  const y = random.between(165, 200);
  const isFlipped = random.chance();
  const hiddenUntil = leadFrames + hiddenFrames;
  const rises = random.between(-14, 14);
  const board = { id: occluderId, shape: occluderShape(random), radius: boardRadius };
  const moving = { id: subjectId, shape, radius };
  const isPassing = seed % 2 === 0;
  const returns = random.chance(0.3);
  const subjectPath: Path = isPassing
    ? [
        [0, x, y],
        [leadFrames, x + 6, y],
        [hiddenUntil, x + random.between(-6, 6), y],
      ]
    : [
        [0, x - random.between(180, 210), y + rises],
        [30, x - 175, y + rises],
        [leadFrames, x - covers, y],
        [hiddenUntil, returns ? x - covers : x + covers, y],
        [hiddenUntil + 60, returns ? x - 170 : x + 170, y - rises],
      ];
  const boardPath: Path = isPassing
    ? [
        [0, -boardRadius - 20, y + rises],
        [leadFrames - 40, -boardRadius - 20, y + rises],
        [leadFrames, x - covers, y],
        [hiddenUntil, x + covers, y],
        [hiddenUntil + 45, sceneSize.width + boardRadius + 20, y - rises],
      ]
    : [[0, x, y]];
  const swing = randomSwing(random, 0, 0.15);
  const boardSwing = { ...randomSwing(random, 0, 0), turn: 0 };
  const objects: SceneObject[] = [
    ...bystanders(random, others),
    { ...moving, pose: along(flipped(subjectPath, isFlipped), swing) },
    { ...board, pose: along(flipped(boardPath, isFlipped), boardSwing) },
  ];
  const shot = { backdrop: randomBackdrop(random), objects, camera: restingCamera };
  return {
    name: `occlusion-${hiddenFrames} #${seed}`,
    frames: hiddenUntil + tailFrames + 16,
    shot: () => shot,
    event: { kind: 'hidden', objectIds: [subjectId] },
  };
}

/** An object leaves the picture and comes back after so many frames, where it left or elsewhere. */
export function exitScene(hiddenFrames: number, seed: number): Scene {
  const random = new SeededRandom(seed);
  const [shape, ...others] = distinctShapes(random, 3);
  if (shape === undefined) throw new RangeError('no object');
  const radius = random.between(38, 48);
  const swing = randomSwing(random, 0, 0.2);
  const hiddenUntil = leadFrames + hiddenFrames;
  const start = { x: random.between(230, 330), y: random.between(165, 195) };
  const sides = {
    left: [-radius - 2, start.y + random.between(-20, 20)],
    above: [start.x + random.between(-30, 60), -radius - 2],
    below: [start.x + random.between(-30, 60), sceneSize.height + radius + 2],
  } as const;
  const exit = random.pick(['left', 'left', 'above', 'below'] as const);
  const entry = random.chance() ? exit : random.pick(['left', 'above', 'below'] as const);
  const path: Path = [
    [0, start.x, start.y],
    [40, start.x + 20, start.y],
    [leadFrames, ...sides[exit]],
    [hiddenUntil, ...sides[entry]],
    [hiddenUntil + 36, random.between(250, 380), random.between(165, 195)],
  ];
  const objects: SceneObject[] = [
    ...bystanders(random, others),
    { id: subjectId, shape, radius, pose: along(flipped(path, random.chance()), swing) },
  ];
  const shot = { backdrop: randomBackdrop(random), objects, camera: restingCamera };
  return {
    name: `exit-${hiddenFrames} #${seed}`,
    frames: hiddenUntil + tailFrames + 16,
    shot: () => shot,
    event: { kind: 'hidden', objectIds: [subjectId] },
  };
}

/**
 * Two objects that look the same meet: they pass each other, one in front of the other, or turn back where they
 * met (every third seed).
 */
export function crossingScene(seed: number): Scene {
  const random = new SeededRandom(seed);
  const [shape, ...others] = distinctShapes(random, 3);
  if (shape === undefined) throw new RangeError('no object');
  const radius = random.between(36, 44);
  const y = random.between(160, 200);
  const apart = random.between(-18, 18);
  const half = random.integer(26, 34);
  const meeting = leadFrames + half;
  const turnsBack = seed % 3 === 2;
  const reach = random.between(150, 190);
  const swing = randomSwing(random, 0, 0.15);
  const pathOf = (side: number): Path => [
    [0, 320 + side * (reach + 12), y + side * apart],
    [30, 320 + side * reach, y + side * apart],
    // Those who turn back overlap by half and are never behind each other entirely.
    [meeting, 320 + side * (turnsBack ? 0.7 * radius : 0), y + (side * apart) / 2],
    [meeting + half + 30, 320 + side * (turnsBack ? reach : -reach), y + side * apart],
  ];
  const objects: SceneObject[] = [
    ...bystanders(random, others).map((object) => ({ ...object, id: object.id + 1 })),
    { id: subjectId, shape, radius, pose: along(pathOf(-1), swing) },
    { id: subjectId + 1, shape, radius, pose: along(pathOf(1), swing) },
  ];
  const shot = { backdrop: randomBackdrop(random), objects, camera: restingCamera };
  return {
    name: `crossing #${seed}`,
    frames: meeting + half + 30 + tailFrames,
    shot: () => shot,
    event: { kind: 'span', objectIds: [subjectId, subjectId + 1], from: meeting - 20, to: meeting + 22 },
  };
}
