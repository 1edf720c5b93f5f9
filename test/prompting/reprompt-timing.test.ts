import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type RepromptReason,
  RepromptTiming,
  type RoundSignals,
} from '../../src/prompting/reprompt-timing.ts';

/** Frames on which rounds begin, with why, when every round has points that are tried at once. */
function rounds(
  frames: number,
  signalsAt: (frame: number) => Partial<RoundSignals>,
  options: { interval?: number; isInVain?: boolean; paysOff?: boolean } = {},
): [number, RepromptReason][] {
  const timing = new RepromptTiming(options.interval ?? 30);
  const begun: [number, RepromptReason][] = [];
  for (let frameIndex = 0; frameIndex < frames; frameIndex++) {
    const signals = { frameIndex, isSceneCut: false, lostTracks: 0, hasUncoveredMotion: () => false };
    const reason = timing.reasonFor({ ...signals, ...signalsAt(frameIndex) }, false);
    if (reason === null) continue;
    begun.push([frameIndex, reason]);
    timing.roundBegan(frameIndex, reason, options.isInVain ?? false);
    if (options.paysOff) timing.paidOff();
  }
  return begun;
}

describe('the timing of rounds of prompting', () => {
  it('begins with the first frame and goes on at the interval', () => {
    expect(rounds(91, () => ({}))).toEqual([
      [0, 'first_frame'],
      [30, 'interval'],
      [60, 'interval'],
      [90, 'interval'],
    ]);
  });

  it('asks again soon where there was nothing to try', () => {
    expect(rounds(13, () => ({}), { isInVain: true }).map(([frame]) => frame)).toEqual([0, 6, 12]);
  });

  it('begins at once at a scene cut', () => {
    expect(rounds(10, (frame) => ({ isSceneCut: frame === 4 }))).toEqual([
      [0, 'first_frame'],
      [4, 'scene_cut'],
    ]);
  });

  it('remembers a track that was lost until a round may begin', () => {
    expect(rounds(25, (frame) => ({ lostTracks: frame === 3 ? 1 : 0 }))).toEqual([
      [0, 'first_frame'],
      [10, 'track_lost'],
    ]);
  });

  it('begins where something uncovered keeps moving', () => {
    expect(rounds(20, (frame) => ({ hasUncoveredMotion: () => frame >= 5 }))).toEqual([
      [0, 'first_frame'],
      [10, 'motion'],
    ]);
  });

  it('keeps ever longer distances while rounds out of turn find nothing', () => {
    const begun = rounds(200, () => ({ hasUncoveredMotion: () => true }));
    expect(begun.slice(0, 4)).toEqual([
      [0, 'first_frame'],
      [10, 'motion'],
      [30, 'interval'],
      [50, 'motion'],
    ]);
    expect(begun.length).toBeLessThanOrEqual(14);
  });

  it('stays eager while they find something', () => {
    const begun = rounds(100, () => ({ hasUncoveredMotion: () => true }), { paysOff: true });
    expect(begun.length).toBeGreaterThan(8);
  });

  it('begins nothing but scene cuts while a round is under way', () => {
    const timing = new RepromptTiming(30);
    timing.roundBegan(0, 'first_frame', false);
    const signals = { frameIndex: 99, lostTracks: 1, hasUncoveredMotion: () => true };
    expect(timing.reasonFor({ ...signals, isSceneCut: false }, true)).toBeNull();
    expect(timing.reasonFor({ ...signals, isSceneCut: true }, true)).toBe('scene_cut');
  });

  it('keeps rounds out of turn away from the round before, and puts no other off for them', () => {
    const event = fc.record({ lostTracks: fc.nat(2), moves: fc.boolean() });
    fc.assert(
      fc.property(
        fc.array(event, { minLength: 200, maxLength: 200 }),
        fc.integer({ min: 3, max: 60 }),
        (events, interval) => {
          const begun = rounds(
            events.length,
            (frame) => ({
              lostTracks: events[frame]?.lostTracks ?? 0,
              hasUncoveredMotion: () => events[frame]?.moves ?? false,
            }),
            { interval, paysOff: true },
          );
          const inTurn = begun.filter(([, reason]) => reason === 'interval').map(([frame]) => frame);
          expect(inTurn).toEqual(inTurn.map((_, at) => (at + 1) * interval));
          for (let at = 1; at < begun.length; at++) {
            if (begun[at]?.[1] === 'interval') continue;
            const gap = (begun[at]?.[0] ?? 0) - (begun[at - 1]?.[0] ?? 0);
            expect(gap).toBeGreaterThanOrEqual(Math.ceil(interval / 3));
          }
        },
      ),
    );
  });
});
