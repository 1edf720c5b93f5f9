import { describe, expect, it } from 'vitest';
import { encodeRunLength, type RunLengthMask } from '../../../src/mask/run-length.ts';
import type { Track, TrackFrame } from '../../../src/tracker/track.ts';
import { sceneSize } from './scene.ts';
import type { SceneTruth, TrueObject } from './scene-truth.ts';
import { type SceneScore, scoreScene } from './score-scene.ts';
import type { SceneLook } from './track-scene.ts';

const { width, height } = sceneSize;
const frames = 120;
const [from, to] = [40, 60];

function square(x: number, y: number, side: number): { mask: RunLengthMask; area: number } {
  const pixels = new Uint8Array(width * height);
  for (let row = y; row < y + side; row++) pixels.fill(1, row * width + x, row * width + x + side);
  return { mask: encodeRunLength(pixels, width, height), area: side * side };
}

const places = { first: square(100, 100, 60), second: square(400, 100, 60), empty: square(300, 250, 60) };

/** Two objects; the first is hidden for 20 frames. */
const truth: SceneTruth = {
  frames: Array.from({ length: frames }, (_, frame): TrueObject[] => [
    frame >= from && frame < to
      ? { id: 1, mask: null, area: 0, visibleFraction: 0 }
      : { id: 1, ...places.first, visibleFraction: 1 },
    { id: 2, ...places.second, visibleFraction: 1 },
  ]),
  border: null,
  event: { objectIds: [1], from, to },
};

function track(id: number, { mask, area }: { mask: RunLengthMask; area: number }): Track {
  const seen = { box: null, area, mask, firstFrame: 0, lastSeenFrame: 0 };
  return { id, label: null, state: 'active', score: 1, author: 'strategy', ...seen };
}

function score(
  tracksOn: (frame: number) => Track[],
  looks: readonly SceneLook[] = [],
  scene: SceneTruth = truth,
): SceneScore {
  const tracked = Array.from(
    { length: frames },
    (_, frame) => ({ tracks: tracksOn(frame) }) as unknown as TrackFrame,
  );
  const counters = {
    segmentations: 0,
    lastSegmentation: null,
    prompts: 0,
    reprompts: { interval: 3, scene_cut: 0, first_frame: 1 },
    rejectedCandidates: {},
  };
  return scoreScene({ tracked, looks, counters }, scene);
}

const isHidden = (frame: number) => frame >= from && frame < to;
const outcome = ({ identities }: SceneScore) => identities[0]?.outcome;
const second = track(2, places.second);

describe('scoreScene', () => {
  it('finds nothing wrong with the truth', () => {
    const result = score((frame) => (isHidden(frame) ? [second] : [track(1, places.first), second]));
    expect(result).toMatchObject({
      identities: [{ objectId: 1, outcome: 'kept', idBefore: 1, idAfter: 1, recoveredAfter: 0 }],
      switches: 0,
      duplicateTracks: 0,
      tracksOnNothing: 0,
      partTracks: 0,
      meanOverlap: 1,
      rounds: 4,
    });
  });

  it('tells how long an object took to be recognised, and when it took too long', () => {
    const backAfter = (delay: number) =>
      score((frame) => (frame >= from && frame < to + delay ? [second] : [track(1, places.first), second]));
    expect(backAfter(30).identities[0]).toMatchObject({ outcome: 'kept', recoveredAfter: 30 });
    expect(backAfter(50).identities[0]).toMatchObject({ outcome: 'not_recovered', recoveredAfter: null });
  });

  it('tells a new id from one that another object had', () => {
    const later = (id: number) =>
      score((frame) => (frame < from ? [track(1, places.first), second] : [track(id, places.first)]));
    expect(outcome(later(7))).toBe('renumbered');
    expect(later(7).switches).toBe(1);
    expect(outcome(later(2))).toBe('swapped');
  });

  it('asks for no identity that was never there', () => {
    expect(outcome(score(() => [second]))).toBe('not_tracked_before');
  });

  it('counts second tracks on an object, parts of objects and tracks on nothing', () => {
    const part = track(8, square(400, 100, 30));
    const nothing = track(9, places.empty);
    const twin = track(7, square(404, 100, 60));
    const result = score((frame) => [second, part, nothing, ...(frame < 5 ? [twin] : [])]);
    expect(result).toMatchObject({
      duplicateTracks: 1,
      duplicateFrames: 5,
      partTracks: 1,
      tracksOnNothing: 1,
    });
  });

  it('counts prompts on the black border', () => {
    const border = new Uint8Array(width * height);
    border.fill(1, 0, (width * height) / 2);
    const look = {
      frameIndex: 0,
      gridPoints: Float32Array.of(0.5, 0.2, 0.5, 0.8, 0.1, 0.4),
      found: new Map(),
    };
    expect(score(() => [second], [look], { ...truth, border }).borderPrompts).toBe(2);
  });
});
