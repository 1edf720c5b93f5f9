import type { FrameInfo } from '../buffer/frame.ts';

/** More frames than lie between two acknowledgements, even of a fast camera with rare keyframes. */
const remembered = 4096;

/**
 * The newest frames of a stream whose tracks went out. A frame that is decoded again after a redelivery has the
 * same name and capture time; one that merely comes out of order, as B-frames do under the clock of arrival, has
 * not.
 */
export class PublishedFrames {
  readonly #names = new Set<string>();

  /** Notes a frame; false when it was noted before. */
  add({ chunkSequence, unitInChunk, timestampNs }: FrameInfo): boolean {
    const name = `${chunkSequence}:${unitInChunk}:${timestampNs}`;
    if (this.#names.has(name)) return false;
    this.#names.add(name);
    if (this.#names.size > remembered) {
      const oldest = this.#names.values().next();
      if (!oldest.done) this.#names.delete(oldest.value);
    }
    return true;
  }

  /** Forgets all, as when a recording is sent again. */
  clear(): void {
    this.#names.clear();
  }
}
