import {
  type IdentityFrame,
  identityMeasures,
  matchOverlap,
} from '../../../src/evaluation/identity-measures.ts';
import { runLengthIou } from '../../../src/mask/mask-iou.ts';
import type { RunLengthMask } from '../../../src/mask/run-length.ts';
import type { Track } from '../../../src/tracker/track.ts';
import { sceneFramesPerSecond, sceneSize } from './scene.ts';
import type { SceneTruth, TrueObject } from './scene-truth.ts';
import type { SceneLook, TrackedScene } from './track-scene.ts';

export const identityOutcomes = [
  'kept',
  'renumbered',
  'swapped',
  'not_recovered',
  'not_tracked_before',
] as const;

/**
 * What became of an object's identity in the event. `kept`: it is tracked in time, and mostly under its old id;
 * `renumbered`: under a new id; `swapped`: under one that another object had; `not_recovered`: nothing covers it;
 * `not_tracked_before`: nothing covered it before, so there was no identity to keep.
 */
export type IdentityOutcome = (typeof identityOutcomes)[number];

export interface ObjectIdentity {
  readonly objectId: number;
  readonly outcome: IdentityOutcome;
  readonly idBefore: number | null;
  readonly idAfter: number | null;
  /** Frames from its return until the old id covered it again; null unless it did in time. */
  readonly recoveredAfter: number | null;
  /** Looks of the model in that time that searched for the old id, and how many of them found something. */
  readonly searched: number;
  readonly found: number;
}

export interface SceneScore {
  readonly identities: readonly ObjectIdentity[];
  /** Times that an object is matched to another id than at its last match. */
  readonly switches: number;
  /** Tracks that ever covered an object that another active track covered better. */
  readonly duplicateTracks: number;
  /** Objects and frames with such a second track. */
  readonly duplicateFrames: number;
  /** Tracks that for most of their time covered no object, and no part of one. */
  readonly tracksOnNothing: number;
  /** Tracks that for most of their time were on a part of an object. */
  readonly partTracks: number;
  /** Points that were tried on the black border. */
  readonly borderPrompts: number;
  /** Mean overlap of objects in view with the best active track; 0 where there is none. */
  readonly meanOverlap: number;
  /** Rounds of automatic prompting. */
  readonly rounds: number;
}

/** Time within which an object has to be recognised, and over which it is looked at before an event. */
const recoveryFrames = 2 * sceneFramesPerSecond;
const beforeFrames = sceneFramesPerSecond;
/** Objects of which less is seen are not asked for. */
const minVisibleFraction = 0.3;
/** Part of a track's area in one object from which it is a part of it. */
const minContainment = 0.6;

/** How far every object and every active track of a frame overlap. */
interface FrameOverlaps {
  readonly objects: readonly (TrueObject & { readonly mask: RunLengthMask })[];
  readonly tracks: readonly (Track & { readonly mask: RunLengthMask })[];
  /** `objects.length` rows of `tracks.length` values. */
  readonly overlap: Float64Array;
}

/** Compares what was tracked with the truth. */
export function scoreScene({ tracked, looks, counters }: TrackedScene, truth: SceneTruth): SceneScore {
  const frames = tracked.map(({ tracks }, at) => overlapsOf(truth.frames[at] ?? [], tracks));
  const { reprompts } = counters;
  return {
    identities: truth.event.objectIds.map((objectId) => identityOf(objectId, frames, truth, looks)),
    switches: identityMeasures(frames.map(asIdentityFrame)).switches,
    ...duplicatesOf(frames),
    ...strayTracks(frames),
    borderPrompts: looks.reduce((sum, { gridPoints }) => sum + pointsOn(gridPoints, truth.border), 0),
    meanOverlap: meanOverlapOf(frames),
    rounds: Object.values(reprompts).reduce((sum, count) => sum + count, 0),
  };
}

function overlapsOf(objects: readonly TrueObject[], tracks: readonly Track[]): FrameOverlaps {
  const seen = objects.flatMap((object) => (object.mask === null ? [] : [{ ...object, mask: object.mask }]));
  const active = tracks.flatMap((track) =>
    track.state === 'active' && track.mask !== null ? [{ ...track, mask: track.mask }] : [],
  );
  const overlap = new Float64Array(seen.length * active.length);
  seen.forEach((object, row) => {
    active.forEach((track, column) => {
      overlap[row * active.length + column] = runLengthIou(object.mask, track.mask);
    });
  });
  return { objects: seen, tracks: active, overlap };
}

function asIdentityFrame({ objects, tracks, overlap }: FrameOverlaps): IdentityFrame {
  return {
    truthIds: objects.map(({ id }) => id),
    predictedIds: tracks.map(({ id }) => id),
    overlap,
  };
}

/** The track that covers an object best on a frame, if one does. */
function coverOf(objectId: number, { objects, tracks, overlap }: FrameOverlaps): number | null {
  const row = objects.findIndex(({ id }) => id === objectId);
  if (row < 0) return null;
  let best: number | null = null;
  let bestOverlap: number = matchOverlap;
  tracks.forEach(({ id }, column) => {
    const value = overlap[row * tracks.length + column] ?? 0;
    if (value < bestOverlap) return;
    best = id;
    bestOverlap = value;
  });
  return best;
}

/** Ids that cover an object, with the frames on which they do, the most frequent first. */
function coversOf(objectId: number, frames: readonly FrameOverlaps[]): [id: number, frames: number][] {
  const counts = new Map<number, number>();
  for (const frame of frames) {
    const id = coverOf(objectId, frame);
    if (id !== null) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1]);
}

function identityOf(
  objectId: number,
  frames: readonly FrameOverlaps[],
  truth: SceneTruth,
  looks: readonly SceneLook[],
): ObjectIdentity {
  const { from, to } = truth.event;
  const before = frames.slice(Math.max(0, from - beforeFrames), from);
  const after = frames.slice(to, to + recoveryFrames);
  const idBefore = coversOf(objectId, before)[0]?.[0] ?? null;
  const idAfter = coversOf(objectId, after)[0]?.[0] ?? null;
  const recovered = after.findIndex((frame) => coverOf(objectId, frame) === idBefore);
  const isOthers = truth.frames[Math.max(0, from - 1)]?.some(
    ({ id }) => id !== objectId && coversOf(id, before)[0]?.[0] === idAfter,
  );
  const outcome =
    idBefore === null
      ? 'not_tracked_before'
      : idAfter === idBefore
        ? 'kept'
        : idAfter === null
          ? 'not_recovered'
          : isOthers === true
            ? 'swapped'
            : 'renumbered';
  const searches = looks.filter(
    ({ frameIndex, found }) =>
      frameIndex >= to && frameIndex < to + recoveryFrames && idBefore !== null && found.has(idBefore),
  );
  return {
    objectId,
    outcome,
    idBefore,
    idAfter,
    recoveredAfter: idBefore === null || recovered < 0 ? null : recovered,
    searched: searches.length,
    found: searches.filter(({ found }) => found.get(idBefore ?? -1) !== null).length,
  };
}

function duplicatesOf(frames: readonly FrameOverlaps[]) {
  const ids = new Set<number>();
  let duplicateFrames = 0;
  for (const { objects, tracks, overlap } of frames) {
    objects.forEach((_, row) => {
      const covering = tracks
        .map(({ id }, column) => ({ id, value: overlap[row * tracks.length + column] ?? 0 }))
        .filter(({ value }) => value >= matchOverlap)
        .sort((a, b) => b.value - a.value);
      if (covering.length > 1) duplicateFrames++;
      for (const { id } of covering.slice(1)) ids.add(id);
    });
  }
  return { duplicateTracks: ids.size, duplicateFrames };
}

function strayTracks(frames: readonly FrameOverlaps[]) {
  const tallies = new Map<number, { frames: number; onParts: number; onNothing: number }>();
  for (const { objects, tracks, overlap } of frames) {
    tracks.forEach(({ id, area }, column) => {
      const tally = tallies.get(id) ?? { frames: 0, onParts: 0, onNothing: 0 };
      tallies.set(id, tally);
      tally.frames++;
      const shares = objects.map((object, row) => {
        const value = overlap[row * tracks.length + column] ?? 0;
        // From the overlap of two areas follows what they share.
        return { value, contained: (value * (area + object.area)) / (1 + value) / area };
      });
      if (shares.some(({ value }) => value >= matchOverlap)) return;
      if (shares.some(({ contained }) => contained >= minContainment)) tally.onParts++;
      else tally.onNothing++;
    });
  }
  const most = (pick: 'onParts' | 'onNothing') =>
    [...tallies.values()].filter((tally) => tally[pick] > tally.frames / 2).length;
  return { tracksOnNothing: most('onNothing'), partTracks: most('onParts') };
}

function pointsOn(points: Float32Array, border: Uint8Array | null): number {
  if (border === null) return 0;
  let count = 0;
  for (let at = 0; at + 1 < points.length; at += 2) {
    const x = Math.floor((points[at] ?? 0) * sceneSize.width);
    const y = Math.floor((points[at + 1] ?? 0) * sceneSize.height);
    if (border[y * sceneSize.width + x] === 1) count++;
  }
  return count;
}

function meanOverlapOf(frames: readonly FrameOverlaps[]): number {
  let sum = 0;
  let count = 0;
  for (const { objects, tracks, overlap } of frames) {
    objects.forEach(({ visibleFraction }, row) => {
      if (visibleFraction < minVisibleFraction) return;
      sum += Math.max(0, ...overlap.subarray(row * tracks.length, (row + 1) * tracks.length));
      count++;
    });
  }
  return count === 0 ? 0 : sum / count;
}
