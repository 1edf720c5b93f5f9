import { renderMask } from '../mask/mask-logits.ts';
import type { DecodedObject } from '../model/sam2/sam2-runtime.ts';
import type { Track, TrackEvent } from '../tracker/track.ts';
import type { RecordedFrame } from './recording.ts';

/** What is told of an object besides what a frame shows. */
export interface NewLife {
  readonly objectId: number;
  readonly label: string | null;
  readonly author: Track['author'];
  readonly firstFrame: number;
}

interface Life extends NewLife {
  label: string | null;
  state: 'active' | 'occluded';
  lastSeenFrame: number;
}

/**
 * The objects of a replay as consumers see them. An object is active on frames on which the model sees it and
 * occluded on all others; it is never given up.
 */
export class ObjectLives {
  readonly #lives = new Map<number, Life>();
  #events: TrackEvent[] = [];

  get size(): number {
    return this.#lives.size;
  }

  has(objectId: number): boolean {
    return this.#lives.has(objectId);
  }

  begin(life: NewLife): void {
    this.#lives.set(life.objectId, { ...life, state: 'active', lastSeenFrame: life.firstFrame });
    this.#events.push({ kind: 'created', trackId: life.objectId });
  }

  rename(objectId: number, label: string): void {
    const life = this.#lives.get(objectId);
    if (life !== undefined) life.label = label;
  }

  end(objectId: number): void {
    if (this.#lives.delete(objectId)) this.#events.push({ kind: 'removed', trackId: objectId });
  }

  /**
   * All objects on a frame, in the order in which they began, and what has happened to them since the last call.
   *
   * @param found what the model says of them; who is missing is not seen
   * @param maskSize side of the model's masks
   */
  on(
    frame: RecordedFrame,
    found: ReadonlyMap<number, DecodedObject>,
    maskSize: number,
  ): { tracks: readonly Track[]; events: readonly TrackEvent[] } {
    const tracks = Array.from(this.#lives.values(), (life) =>
      this.#track(life, frame, found.get(life.objectId), maskSize),
    );
    const events = this.#events;
    this.#events = [];
    return { tracks, events };
  }

  #track(life: Life, frame: RecordedFrame, found: DecodedObject | undefined, maskSize: number): Track {
    const side = { width: maskSize, height: maskSize, spanX: maskSize, spanY: maskSize };
    const isPresent = found !== undefined && found.objectScore > 0;
    const seen = isPresent
      ? renderMask({ ...side, data: found.lowResMask }, frame.width, frame.height)
      : null;
    const state = seen === null ? 'occluded' : 'active';
    if (state !== life.state) {
      this.#events.push({ kind: seen === null ? 'occluded' : 'recovered', trackId: life.objectId });
      life.state = state;
    }
    if (seen !== null) life.lastSeenFrame = frame.index;
    return {
      id: life.objectId,
      label: life.label,
      state,
      score: seen === null ? 0 : scoreOf(found),
      box: seen?.box ?? null,
      area: seen?.area ?? 0,
      mask: seen?.mask ?? null,
      firstFrame: life.firstFrame,
      lastSeenFrame: life.lastSeenFrame,
      author: life.author,
    };
  }
}

/** Predicted IoU of the chosen mask. */
function scoreOf(found: DecodedObject | undefined): number {
  return Math.min(1, Math.max(0, found?.ious[found.maskIndex] ?? 0));
}
