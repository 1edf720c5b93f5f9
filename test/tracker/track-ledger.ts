import { expect } from 'vitest';
import { type Frame, frameInfoOf } from '../../src/buffer/frame.ts';
import { runLengthArea, runLengthBox } from '../../src/mask/run-length.ts';
import type { TrackFrame, TrackState } from '../../src/tracker/track.ts';

/**
 * Follows everything that a tracker says about one stream and checks that it adds up: ids are given once,
 * events and states agree, and each track is consistent in itself.
 */
export class TrackLedger {
  readonly #states = new Map<number, TrackState>();
  readonly #everGiven = new Set<number>();

  /** Ids in the order in which they were created. */
  get ids(): number[] {
    return [...this.#everGiven];
  }

  /** Throws where `trackFrame` contradicts itself, its frame or what was said before. */
  enter(frame: Frame, trackFrame: TrackFrame): TrackFrame {
    expect(trackFrame.frame).toEqual(frameInfoOf(frame));
    for (const { kind, trackId } of trackFrame.events) this.#move(kind, trackId);
    const ids = trackFrame.tracks.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const track of trackFrame.tracks) {
      expect({ id: track.id, state: this.#states.get(track.id) }).toEqual({
        id: track.id,
        state: track.state,
      });
      this.#checkShape(frame, track);
    }
    for (const milliseconds of Object.values(trackFrame.latencyMs))
      expect(Number.isFinite(milliseconds)).toBe(true);
    expect(trackFrame.latencyMs.track).toBeGreaterThanOrEqual(0);
    return trackFrame;
  }

  #move(kind: TrackFrame['events'][number]['kind'], id: number): void {
    const before = this.#states.get(id);
    const what = { kind, id, before };
    switch (kind) {
      case 'created':
        expect(this.#everGiven.has(id), `id ${id} is given twice`).toBe(false);
        this.#everGiven.add(id);
        this.#states.set(id, 'active');
        return;
      case 'occluded':
        expect(what).toEqual({ kind, id, before: 'active' });
        this.#states.set(id, 'occluded');
        return;
      case 'lost':
        expect(what).toEqual({ kind, id, before: 'occluded' });
        this.#states.set(id, 'lost');
        return;
      case 'recovered':
        expect(['occluded', 'lost']).toContain(before);
        this.#states.set(id, 'active');
        return;
      case 'removed':
        expect(before, `object ${id} is removed without having been there`).toBeDefined();
        this.#states.delete(id);
    }
  }

  #checkShape(frame: Frame, track: TrackFrame['tracks'][number]): void {
    const { mask, box, area } = track;
    expect(track.score).toBeGreaterThanOrEqual(0);
    expect(track.score).toBeLessThanOrEqual(1);
    expect(track.firstFrame).toBeLessThanOrEqual(track.lastSeenFrame);
    expect(track.lastSeenFrame).toBeLessThanOrEqual(frame.index);
    if (track.state !== 'active') expect(mask).toBeNull();
    if (mask === null) {
      expect({ box, area }).toEqual({ box: null, area: 0 });
      return;
    }
    expect(mask.size).toEqual([frame.height, frame.width]);
    expect(box).toEqual(runLengthBox(mask));
    expect(area).toBe(runLengthArea(mask));
    expect(area).toBeGreaterThan(0);
  }
}
