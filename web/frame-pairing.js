/** Frames whose other half has not come yet; more are not kept. */
const maxWaiting = 60;

/** Brings pictures and tracks of the same frame together: a mask is never drawn on another frame's picture. */
export class FramePairing {
  #messages = new Map();
  #pictures = new Map();
  #newestMessage = -1;
  #newestPicture = -1;
  #shown = -1;

  /** @returns the pair that this message completes, or null */
  addMessage(index, message) {
    // Within a stream's life, indices only grow.
    if (index <= this.#newestMessage) this.reset();
    this.#newestMessage = index;
    return this.#add(index, this.#messages, message);
  }

  /** @returns the pair that this picture completes, or null */
  addPicture(index, picture) {
    if (index <= this.#newestPicture) this.reset();
    this.#newestPicture = index;
    return this.#add(index, this.#pictures, picture);
  }

  /** Forgets everything: another life of the stream has begun. */
  reset() {
    this.#messages.clear();
    this.#pictures.clear();
    this.#newestMessage = -1;
    this.#newestPicture = -1;
    this.#shown = -1;
  }

  #add(index, half, value) {
    if (index <= this.#shown) return null;
    half.set(index, value);
    if (half.size > maxWaiting) half.delete(half.keys().next().value);
    const message = this.#messages.get(index);
    const picture = this.#pictures.get(index);
    if (message === undefined || picture === undefined) return null;
    this.#shown = index;
    for (const map of [this.#messages, this.#pictures]) {
      for (const waiting of map.keys()) if (waiting <= index) map.delete(waiting);
    }
    return { index, message, picture };
  }
}
