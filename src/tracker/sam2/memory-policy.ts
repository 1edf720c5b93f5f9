import type { Activations, DecodedObject, MaskCandidates } from '../../model/sam2/sam2-runtime.ts';

/** A remembered frame of one object. */
export interface StoredMemory {
  /** Index of the frame. */
  readonly frame: number;
  /** Its place among the frames on which the object was looked for. */
  readonly time: number;
  readonly memory: Activations;
}

/** A memory with the row of the learned temporal code that it is attended to with. */
export interface RecalledMemory {
  readonly stored: StoredMemory;
  readonly row: number;
}

/** What became of an object on a frame. */
export interface FrameOutcome extends DecodedObject {
  /** Shown by a prompt without looking back; found by memory; found by memory and corrected by a prompt. */
  readonly provenance: 'conditioned' | 'tracked' | 'refined';
  readonly candidates?: MaskCandidates;
}

/**
 * What one object remembers of the frames that it was not conditioned on, and how far it believes what is found.
 * A frame reaches `keep` or `restart` when it is left for the next one, with its last word; so corrections replace what they correct.
 */
export interface ObjectPolicy {
  /** Which mask token a present object's mask comes from, 1 to 3; by default the model's own choice. */
  choose?(outcome: FrameOutcome, time: number): number;
  /** Whether a tracked frame's mask is believed; if not, the object counts as absent and nothing is remembered. */
  believes?(outcome: FrameOutcome): boolean;
  /** Tells of a conditioning frame. Its memory stays with the bank. */
  restart?(time: number, outcome: FrameOutcome): void;
  /** Takes over the memory of a tracked or refined frame, and may let go of it at once. */
  keep(memory: StoredMemory, outcome: FrameOutcome): void;
  /**
   * Memories to attend to, in the order of their tokens.
   *
   * @param unselected conditioning frames that are left out because of the limit; a policy may treat them as others
   */
  recall(now: number, unselected: readonly StoredMemory[]): readonly RecalledMemory[];
  /** Memories that are held now. */
  readonly size: number;
  /** Lets go of all memories. */
  clear(): void;
}

export interface PolicyContext {
  /** Rows of the temporal code; the last one is that of conditioning frames, the first ones count frames back. */
  readonly rows: number;
  /** Side of low-resolution masks. */
  readonly maskSize: number;
  /** To be called once for every memory that was kept and is not needed any more. */
  readonly release: (memory: Activations) => void;
}

/** A way of choosing what is remembered. Holds no state of its own. */
export interface MemoryPolicy {
  /** Whether outcomes of tracked frames should come with all candidates, which costs time. */
  readonly wantsCandidates: boolean;
  /** Begins with an object. */
  open(context: PolicyContext): ObjectPolicy;
}

/** Memories without gaps between their rows: the newest has row 0, the one before it row 1. */
export function rankedByAge(oldestFirst: readonly StoredMemory[]): RecalledMemory[] {
  return oldestFirst.map((stored, at) => ({ stored, row: oldestFirst.length - 1 - at }));
}
