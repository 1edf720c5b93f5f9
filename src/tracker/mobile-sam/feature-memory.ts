import type { MemoryFrame, TokenGrid } from '../../model/mobile-sam/token-affinity.ts';

/** Frames kept besides the pinned ones: the newest of them. */
const recentFrames = 3;
/** Frames kept at most; every frame costs a fixed share of each search. */
const maxFrames = 7;

/** Recent frames lie at least this many frames apart, the newest excepted: neighbours remember the same. */
const recentSpacing = 8;

interface RememberedFrame {
  readonly frameIndex: number;
  readonly tokens: Float32Array;
  /** Share of each token that an object covered; objects unknown at that frame are absent. */
  readonly coverage: Map<number, Float32Array>;
}

/**
 * What one stream's objects looked like: encoder tokens of a few frames with the objects' places in them. Kept
 * are the newest frames and, for every object, the frame that it was first shown in and the last one that it
 * was seen in; so an object that left can be found again, and the memory never grows with time.
 */
export class FeatureMemory {
  #frames: RememberedFrame[] = [];
  #tokenCount = 0;

  get frameCount(): number {
    return this.#frames.length;
  }

  /** Forgets everything. */
  clear(): void {
    this.#frames = [];
  }

  /** Forgets where an object was taken to be on one frame. */
  disown(objectId: number, frameIndex: number): void {
    for (const frame of this.#frames) if (frame.frameIndex === frameIndex) frame.coverage.delete(objectId);
    this.#frames = this.#frames.filter((frame) => frame.coverage.size > 0);
  }

  /** Forgets one object; frames that only it needed go too. */
  forget(objectId: number): void {
    for (const frame of this.#frames) frame.coverage.delete(objectId);
    this.#frames = this.#frames.filter((frame) => frame.coverage.size > 0);
  }

  /**
   * Remembers a frame.
   *
   * @param tokens copied
   * @param coverage kept: for each object that was seen, its share of each token
   */
  remember(frameIndex: number, tokens: Float32Array, coverage: Map<number, Float32Array>): void {
    if (coverage.size === 0) return;
    // Tokens of another picture size cannot be compared place by place.
    if (tokens.length !== this.#tokenCount) this.#frames = [];
    this.#tokenCount = tokens.length;
    this.#replaceNewest();
    this.#frames.push({ frameIndex, tokens: tokens.slice(), coverage });
    while (this.#frames.length > maxFrames) this.#evict();
  }

  /** Remembers more objects of the frame that was looked at last; as `remember` where it showed none so far. */
  rememberMore(frameIndex: number, tokens: Float32Array, coverage: Map<number, Float32Array>): void {
    const newest = this.#frames.at(-1);
    if (newest?.frameIndex !== frameIndex) {
      this.remember(frameIndex, tokens, coverage);
      return;
    }
    for (const [objectId, share] of coverage) newest.coverage.set(objectId, share);
  }

  /** Whether some frame shows the object. */
  knows(objectId: number): boolean {
    return this.#frames.some((frame) => isSeen(frame.coverage.get(objectId)));
  }

  /**
   * The memory as the affinity takes it: two columns per object, its coverage and whether it was known.
   * Empty when nothing is remembered for this picture size.
   */
  frames(query: TokenGrid, objectIds: readonly number[]): MemoryFrame[] {
    const tokens = query.tokenRows * query.tokenColumns;
    if (query.tokens.length !== this.#tokenCount) return [];
    const columns = objectIds.length * 2;
    return this.#frames.map((frame, at) => {
      const values = new Float32Array(tokens * columns);
      objectIds.forEach((objectId, column) => {
        const coverage = frame.coverage.get(objectId);
        if (coverage === undefined) return;
        for (let token = 0; token < tokens; token++) {
          values[token * columns + column * 2] = coverage[token] as number;
          values[token * columns + column * 2 + 1] = 1;
        }
      });
      const isRecent = at > 0 && at >= this.#frames.length - recentFrames;
      return { tokens: frame.tokens, values, reach: isRecent ? 'window' : 'anywhere' };
    });
  }

  /** Drops the newest frame if it lies close to the one before it and shows no object for the first time. */
  #replaceNewest(): void {
    const newest = this.#frames.at(-1);
    const before = this.#frames.at(-2);
    if (newest === undefined || before === undefined) return;
    if (newest.frameIndex - before.frameIndex >= recentSpacing) return;
    for (const [objectId, coverage] of newest.coverage) {
      if (
        isSeen(coverage) &&
        !this.#frames.some((frame) => frame !== newest && isSeen(frame.coverage.get(objectId)))
      ) {
        return;
      }
    }
    this.#frames.pop();
  }

  /** Removes the frame that the fewest objects depend on, the oldest of equals; never a recent one. */
  #evict(): void {
    const needs = new Map<RememberedFrame, number>();
    const objectIds = new Set(this.#frames.flatMap((frame) => [...frame.coverage.keys()]));
    for (const objectId of objectIds) {
      const seen = this.#frames.filter((frame) => isSeen(frame.coverage.get(objectId)));
      const first = seen[0];
      const last = seen.at(-1);
      if (first) needs.set(first, (needs.get(first) ?? 0) + 1);
      if (last && last !== first) needs.set(last, (needs.get(last) ?? 0) + 1);
    }
    const candidates = this.#frames.slice(0, -recentFrames);
    let worst = candidates[0];
    for (const frame of candidates) {
      if (worst !== undefined && (needs.get(frame) ?? 0) < (needs.get(worst) ?? 0)) worst = frame;
    }
    this.#frames = this.#frames.filter((frame) => frame !== worst);
  }
}

function isSeen(coverage: Float32Array | undefined): boolean {
  return coverage?.some((share) => share > 0) ?? false;
}
