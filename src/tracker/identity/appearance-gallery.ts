import { cosine, type Descriptor } from './descriptor.ts';

/** Views kept, the first one included. */
const maxViews = 6;
/** A view that is as like a kept one as this replaces it: neighbours in time show the same. */
const sameView = 0.92;

/**
 * How one object has looked: its first view and a few others that differ most. Bounded, however long the object
 * lives.
 */
export class AppearanceGallery {
  #views: Descriptor[] = [];

  get size(): number {
    return this.#views.length;
  }

  /** How like the object something looks: the cosine with the closest view; null before the first. */
  similarity(descriptor: Descriptor): number | null {
    let best: number | null = null;
    for (const view of this.#views) {
      const likeness = cosine(view, descriptor);
      if (best === null || likeness > best) best = likeness;
    }
    return best;
  }

  /** Takes a view in. */
  learn(descriptor: Descriptor): void {
    const closest = this.#closestTo(descriptor, -1);
    if (closest.at > 0 && closest.likeness >= sameView) {
      this.#views[closest.at] = descriptor;
      return;
    }
    if (closest.at === 0 && closest.likeness >= sameView) return;
    this.#views.push(descriptor);
    if (this.#views.length > maxViews) this.#views.splice(this.#mostRedundant(), 1);
  }

  /** Of all views but the first, the one that another is most like. */
  #mostRedundant(): number {
    let worst = 1;
    let worstLikeness = Number.NEGATIVE_INFINITY;
    for (let at = 1; at < this.#views.length; at++) {
      const { likeness } = this.#closestTo(this.#views[at] as Descriptor, at);
      if (likeness > worstLikeness) {
        worst = at;
        worstLikeness = likeness;
      }
    }
    return worst;
  }

  #closestTo(descriptor: Descriptor, except: number): { readonly at: number; readonly likeness: number } {
    let best = { at: -1, likeness: Number.NEGATIVE_INFINITY };
    for (let at = 0; at < this.#views.length; at++) {
      if (at === except) continue;
      const likeness = cosine(this.#views[at] as Descriptor, descriptor);
      if (likeness > best.likeness) best = { at, likeness };
    }
    return best;
  }
}
