import type { Provenance, TrackEvent, TrackState } from '../tracker/track.ts';
import type { TrackerCounters } from '../tracker/video-tracker.ts';

/**
 * Why a frame was not tracked.
 * - `overwritten`: a newer frame took its slot before it was read
 * - `stale`: a newer frame was there when the tracker was free
 * - `no_slot`: all slots of the ring were held
 * - `awaiting_keyframe`: the decoder had no picture to start from
 * - `already_published`: decoded again after a redelivery
 * - `stream_closed`: its stream ended first
 */
export const dropReasons = [
  'overwritten',
  'stale',
  'no_slot',
  'awaiting_keyframe',
  'already_published',
  'stream_closed',
] as const;
export type DropReason = (typeof dropReasons)[number];

/** Where a frame failed. */
export type FailureStage = 'decode' | 'track' | 'publish';

/** What became of a stream's frames: at quiet points `received = tracked + sum of dropped + failed`. */
export interface FrameLedger {
  readonly received: number;
  readonly tracked: number;
  readonly dropped: Readonly<Record<DropReason, number>>;
  readonly failed: number;
}

/** Counts of one stream, or of many together; all of them only grow. */
export class StreamTotals {
  received = 0;
  chunks = 0;
  bytes = 0;
  readonly tracked: Record<Provenance, number> = { segmented: 0, propagated: 0 };
  readonly dropped: Record<DropReason, number> = {
    overwritten: 0,
    stale: 0,
    no_slot: 0,
    awaiting_keyframe: 0,
    already_published: 0,
    stream_closed: 0,
  };
  readonly failed: Record<FailureStage, number> = { decode: 0, track: 0, publish: 0 };
  readonly trackEvents: Record<TrackEvent['kind'], number> = {
    created: 0,
    occluded: 0,
    recovered: 0,
    lost: 0,
    removed: 0,
  };
  segmentations = 0;
  prompts = 0;
  readonly reprompts: Record<string, number> = {};
  readonly rejectedCandidates: Record<string, number> = {};
  readonly identities: Record<string, number> = {};

  add(other: StreamTotals): void {
    this.received += other.received;
    this.chunks += other.chunks;
    this.bytes += other.bytes;
    this.segmentations += other.segmentations;
    this.prompts += other.prompts;
    addEach(this.tracked, other.tracked);
    addEach(this.dropped, other.dropped);
    addEach(this.failed, other.failed);
    addEach(this.trackEvents, other.trackEvents);
    addEach(this.reprompts, other.reprompts);
    addEach(this.rejectedCandidates, other.rejectedCandidates);
    addEach(this.identities, other.identities);
  }

  /** Takes over what a stream's tracker has counted since the stream opened. */
  setTracker(counters: TrackerCounters): void {
    this.segmentations = counters.segmentations;
    this.prompts = counters.prompts;
    Object.assign(this.reprompts, counters.reprompts);
    Object.assign(this.rejectedCandidates, counters.rejectedCandidates);
    Object.assign(this.identities, counters.identities);
  }

  ledger(): FrameLedger {
    return {
      received: this.received,
      tracked: sum(this.tracked),
      dropped: { ...this.dropped },
      failed: sum(this.failed),
    };
  }
}

function addEach(target: Record<string, number>, source: Readonly<Record<string, number>>): void {
  for (const [key, value] of Object.entries(source)) target[key] = (target[key] ?? 0) + value;
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

/** Frames that were received and have no outcome yet; 0 at quiet points. */
export function framesInFlight({ received, tracked, dropped, failed }: FrameLedger): number {
  return received - tracked - sum(dropped) - failed;
}

/** Objects of a stream by state, on its newest tracked frame. */
export type TracksByState = Record<TrackState, number>;

/** One stream as scrapes and status pages see it. */
export interface StreamReading {
  readonly label: string;
  readonly totals: StreamTotals;
  readonly tracks: TracksByState;
  readonly ringFrames: number;
}
