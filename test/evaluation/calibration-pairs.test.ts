import { describe, expect, it } from 'vitest';
import { frameInfoOf } from '../../src/buffer/frame.ts';
import { calibrationPairs } from '../../src/evaluation/calibration-pairs.ts';
import type { AnnotatedFrame } from '../../src/evaluation/recall.ts';
import type { Track, TrackFrame } from '../../src/tracker/track.ts';
import { blankFrame } from '../tracker/blank-frame.ts';

function track(id: number, values: Partial<Track> = {}): Track {
  return {
    id,
    label: null,
    state: 'active',
    score: 0.9,
    box: { x: 0, y: 0, width: 10, height: 10 },
    area: 100,
    mask: { size: [20, 50], counts: '' },
    firstFrame: 2,
    lastSeenFrame: 7,
    author: 'strategy',
    ...values,
  };
}

function trackFrame(...tracks: Track[]): TrackFrame {
  return {
    frame: frameInfoOf(blankFrame(7, { width: 50, height: 20 })),
    provenance: 'propagated',
    latencyMs: { decode: 0, queue: 0, track: 0, total: 0 },
    tracks,
    events: [],
  };
}

/** Two objects of 100 pixels; rows of overlaps, masks of 100 pixels. */
function annotated(predictedIds: readonly number[], ...rows: readonly (readonly number[])[]): AnnotatedFrame {
  return {
    seconds: 1,
    truthIds: [1, 2],
    truthAreas: [100, 100],
    predictedIds,
    predictedAreas: predictedIds.map(() => 100),
    overlap: Float64Array.from(rows.flat()),
  };
}

const where = { variant: 'v', sequence: 's' };
const nothingShown = new Map<number, number>();

describe('calibrationPairs', () => {
  it('compares a mask with the object that it overlaps most, and tells what the tracker said of it', () => {
    const frame = annotated([10], [0.4], [0.6]);
    const carried = { frames: 3, support: 0.8 };
    expect(calibrationPairs(frame, trackFrame(track(10, { carried })), nothingShown, where)).toEqual([
      {
        ...where,
        frameIndex: 7,
        trackId: 10,
        objectId: 2,
        matchedBy: 'overlap',
        score: 0.9,
        provenance: 'propagated',
        age: 5,
        area: 0.1,
        carried,
        iou: 0.6,
      },
    ]);
  });

  it('leaves out masks that touch nothing annotated, and tracks without a mask', () => {
    const frame = annotated([10, 11], [0.1, 0], [0, 0]);
    const tracks = trackFrame(track(10), track(11), track(12, { mask: null }));
    expect(calibrationPairs(frame, tracks, nothingShown, where)).toEqual([]);
  });

  it('compares the mask of a prompted object with that object, wherever it lies', () => {
    const frame = annotated([1, 5], [0, 0], [0.9, 0]);
    const shown = new Map([
      [1, 0],
      [5, 0],
    ]);
    const pairs = calibrationPairs(frame, trackFrame(track(1), track(5)), shown, where);
    expect(pairs).toMatchObject([
      { objectId: 1, matchedBy: 'prompt', iou: 0 },
      // Object 5 is not in the picture.
      { objectId: 5, matchedBy: 'prompt', iou: 0 },
    ]);
  });

  it('leaves out the frame on which an object is shown', () => {
    const frame = annotated([1], [1], [0]);
    expect(calibrationPairs(frame, trackFrame(track(1)), new Map([[1, 7]]), where)).toEqual([]);
  });
});
