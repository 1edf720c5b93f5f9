import { describe, expect, it } from 'vitest';
import { lostSeconds, nextState, type Observation, occludedSeconds } from '../../src/tracker/life-cycle.ts';
import type { TrackState } from '../../src/tracker/track.ts';

const soon = occludedSeconds / 2;
const late = occludedSeconds + 0.1;
type Row = [TrackState, Observation['kind'], number, TrackState];

const table: Row[] = [
  ['active', 'seen', soon, 'active'],
  ['active', 'none', soon, 'active'],
  ['active', 'none', late, 'active'],
  ['active', 'absent', 0, 'occluded'],
  ['active', 'left_view', 0, 'occluded'],
  ['active', 'unsupported', 0, 'occluded'],
  ['active', 'scene_cut', 0, 'occluded'],
  ['occluded', 'seen', late, 'active'],
  ['occluded', 'none', soon, 'occluded'],
  ['occluded', 'none', occludedSeconds, 'occluded'],
  ['occluded', 'none', late, 'lost'],
  ['occluded', 'absent', soon, 'occluded'],
  ['occluded', 'scene_cut', soon, 'occluded'],
  ['lost', 'seen', late, 'active'],
  ['lost', 'none', late, 'lost'],
  ['lost', 'absent', late, 'lost'],
  ['lost', 'left_view', late, 'lost'],
  ['lost', 'scene_cut', late, 'lost'],
];

describe('nextState', () => {
  it.each(table)('%s, %s after %f s: %s', (state, kind, hiddenSeconds, expected) => {
    expect(nextState(state, { kind }, hiddenSeconds)).toBe(expected);
  });

  it('gives an object up only after it has counted as lost for a while', () => {
    expect(lostSeconds).toBeGreaterThan(occludedSeconds);
  });
});
