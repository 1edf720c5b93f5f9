import type { Frame } from '../../src/buffer/frame.ts';
import type { Box } from '../../src/mask/box.ts';
import {
  encodeRunLengthRegion,
  type RunLengthMask,
  runLengthArea,
  runLengthBox,
} from '../../src/mask/run-length.ts';
import type { Prompt } from '../../src/prompting/prompt.ts';
import type { Track, TrackFrame } from '../../src/tracker/track.ts';
import type {
  TrackedStream,
  TrackedStreamOptions,
  TrackerCounters,
  VideoTracker,
} from '../../src/tracker/video-tracker.ts';

interface Repeated {
  readonly id: number;
  readonly mask: RunLengthMask;
  readonly firstFrame: number;
  readonly author: Track['author'];
}

/**
 * The least that a tracker can do: an object stays for ever where it was shown. Without prompts it finds one
 * object by itself, where it is told to look.
 */
export class RepeatingTracker implements VideoTracker {
  readonly kind = 'iou';
  readonly seen: Frame['index'][] = [];
  readonly momentsMs: number[] = [];
  openStreams = 0;
  disposed = false;
  readonly #nowMs: () => number;
  readonly #finds: Box | null;

  constructor(nowMs: () => number = () => 0, finds: Box | null = null) {
    this.#nowMs = nowMs;
    this.#finds = finds;
  }

  openStream({ streamId, firstTrackId }: TrackedStreamOptions): TrackedStream {
    this.openStreams++;
    const watch = (frame: Frame) => {
      this.seen.push(frame.index);
      this.momentsMs.push(this.#nowMs());
    };
    return new RepeatingStream(streamId, firstTrackId ?? 1, this.#finds, watch, () => this.openStreams--);
  }

  async dispose(): Promise<void> {
    this.disposed = true;
  }
}

class RepeatingStream implements TrackedStream {
  readonly streamId: string;
  readonly #objects = new Map<number, Repeated>();
  readonly #finds: Box | null;
  readonly #watch: (frame: Frame) => void;
  readonly #closed: () => void;
  #nextId: number;
  #newest = 0;

  constructor(
    streamId: string,
    firstId: number,
    finds: Box | null,
    watch: (frame: Frame) => void,
    closed: () => void,
  ) {
    this.streamId = streamId;
    this.#nextId = firstId;
    this.#finds = finds;
    this.#watch = watch;
    this.#closed = closed;
  }

  async processFrame(frame: Frame, prompts: readonly Prompt[] = []): Promise<TrackFrame> {
    this.#watch(frame);
    this.#newest = frame.index;
    const before = new Set(this.#objects.keys());
    const found = this.#finds;
    if (prompts.length === 0 && this.#objects.size === 0 && found !== null) {
      const region = new Uint8Array(found.width * found.height).fill(1);
      this.#add(encodeRunLengthRegion(region, found, frame.width, frame.height), this.#nextId, 'strategy');
    }
    for (const prompt of prompts) await this.prompt(prompt);
    return {
      frame: { ...frame },
      provenance: 'propagated',
      latencyMs: { decode: 0, queue: 0, track: 0, total: 0 },
      tracks: [...this.#objects.values()].map((object) => this.#track(object)),
      events: [...this.#objects.keys()]
        .filter((id) => !before.has(id))
        .map((trackId) => ({ kind: 'created', trackId })),
    };
  }

  skipFrame(frame: Frame): void {
    this.#newest = frame.index;
  }

  async prompt(prompt: Prompt): Promise<number> {
    if (prompt.shape.kind !== 'mask') throw new RangeError('only masks can be repeated');
    const id = prompt.objectId ?? this.#nextId;
    this.#add(prompt.shape.mask, id, prompt.author);
    return id;
  }

  #add(mask: RunLengthMask, id: number, author: Track['author']): void {
    this.#nextId = Math.max(this.#nextId, id + 1);
    this.#objects.set(id, { id, mask, firstFrame: this.#newest, author });
  }

  #track({ id, mask, firstFrame, author }: Repeated): Track {
    return {
      id,
      label: null,
      state: 'active',
      score: 1,
      box: runLengthBox(mask),
      area: runLengthArea(mask),
      mask,
      firstFrame,
      lastSeenFrame: this.#newest,
      author,
    };
  }

  change(): void {}

  remove(objectId: number): void {
    this.#objects.delete(objectId);
  }

  reset(): void {
    this.#objects.clear();
  }

  snapshot() {
    return {
      streamId: this.streamId,
      nextTrackId: this.#nextId,
      tracks: [...this.#objects.values()].map((object) => this.#track(object)),
    };
  }

  counters(): TrackerCounters {
    return {
      segmentations: 0,
      lastSegmentation: null,
      prompts: 0,
      reprompts: { interval: 0, scene_cut: 0, first_frame: 0 },
      rejectedCandidates: {},
    };
  }

  async close(): Promise<void> {
    this.#closed();
  }
}
