import type { Frame } from '../buffer/frame.ts';
import type { ObjectChange } from '../prompting/object-change.ts';
import type { Prompt } from '../prompting/prompt.ts';
import type { RepromptReason } from '../prompting/reprompt-timing.ts';
import type { LostLook } from './lost-look.ts';
import type { SegmentationTiming } from './segmentation.ts';
import type { TrackFrame } from './track.ts';

/** What a stream's tracker is told when the stream opens. */
export interface TrackedStreamOptions {
  readonly streamId: string;
  /** Ids are given from here on, so that a successor never reuses an id of its predecessor. */
  readonly firstTrackId?: number;
  /** Told of every look of the model that came to nothing. Must not throw. */
  readonly onLookLost?: (look: LostLook) => void;
}

/** What a successor needs to continue a stream's identities. */
export interface TrackerSnapshot {
  readonly streamId: string;
  readonly nextTrackId: number;
  readonly tracks: TrackFrame['tracks'];
}

/** Counters that a tracked stream reports since it opened; all of them only grow. */
export interface TrackerCounters {
  /** Runs of the segmentation model's image encoder that finished. */
  readonly segmentations: number;
  /** How long the newest of them took. */
  readonly lastSegmentation: SegmentationTiming | null;
  /** Prompts that automatic strategies made. */
  readonly prompts: number;
  /** Rounds of automatic prompting, by why they happened. */
  readonly reprompts: Readonly<Partial<Record<RepromptReason, number>>>;
  /** Candidates not made into objects, by why. */
  readonly rejectedCandidates: Readonly<Record<string, number>>;
  /** What looks have decided about identities, by what. */
  readonly identities?: Readonly<Record<string, number>>;
}

/** The tracker of one stream. Calls for one stream do not overlap: the caller awaits each. */
export interface TrackedStream {
  readonly streamId: string;
  /**
   * Tracks every object on `frame`, which must be newer than all before it. Returns when the tracks of this very
   * frame are known; slower work goes on behind and reaches a later frame. `prompts` are about this frame.
   */
  processFrame(frame: Frame, prompts?: readonly Prompt[]): Promise<TrackFrame>;
  /** Tells of a frame that will not be tracked, so that its motion is not lost. Cheap. */
  skipFrame(frame: Frame): void;
  /**
   * Adds an object, or refines the one named by `prompt.objectId`, on the newest frame processed,
   * or on the earlier one of `prompt.timestampNs`, from which motion brings it here. Resolves with the object's id.
   * Throws `TRACKCAST_PROMPT_INVALID`, `TRACKCAST_FRAME_UNREACHABLE`; nothing is changed then.
   */
  prompt(prompt: Prompt): Promise<number>;
  /** Names, sorts, locks or unlocks an object. Throws `TRACKCAST_OBJECT_UNKNOWN`. */
  change(objectId: number, change: ObjectChange): void;
  /** Forgets one object; its id is not used again. Throws `TRACKCAST_OBJECT_UNKNOWN`. */
  remove(objectId: number): void;
  /** Forgets all objects and memories; ids go on. */
  reset(): void;
  snapshot(): TrackerSnapshot;
  counters(): TrackerCounters;
  /** Releases everything; pending work is dropped. */
  close(): Promise<void>;
}

/** A way of tracking; one per device and process. Every implementation passes the same conformance suite. */
export interface VideoTracker {
  readonly kind: 'mobile_sam' | 'iou' | 'sam2_video';
  openStream(options: TrackedStreamOptions): TrackedStream;
  /** Releases models and memory. Streams must be closed before. */
  dispose(): Promise<void>;
}
