import { assign } from '../assignment.ts';
import type { TrackState } from '../track.ts';
import type { Descriptor } from './descriptor.ts';
import { likeness, minLikeness } from './likeness.ts';
import { type MaskShape, shapeIou } from './mask-shape.ts';

/** A known object as a look finds it. */
export interface KnownObject {
  readonly id: number;
  readonly state: TrackState;
  readonly hiddenSeconds: number;
  /** How far it has proved to be an object, 0 to 1: of two that claim the same thing the older one keeps it. */
  readonly seniority: number;
  /** Where it was expected on the frame of the look; null where nothing is known. */
  readonly expected: MaskShape | null;
  /** Part of the picture's area that it usually takes; null where that is not known. */
  readonly usualArea: number | null;
  /** How like itself it has looked lately, -1 to 1; null where that is not known. */
  readonly usualSimilarity: number | null;
  /** How like it something looks, -1 to 1; null where that is not known. */
  readonly similarity: (descriptor: Descriptor) => number | null;
  /** What the search for this very object came to. */
  readonly search:
    | { readonly kind: 'not_looked_for' }
    | { readonly kind: 'not_found' }
    | {
        readonly kind: 'found';
        readonly shape: MaskShape;
        readonly score: number;
        readonly descriptor: Descriptor | null;
        /** How far it has the object's colours, 0 to 1; null where they do not tell. */
        readonly colours: number | null;
        /** Whether only how it looks can tell that it is the object. */
        readonly isPresumed: boolean;
      };
}

/** Something that was seen without being looked for, outside of all that was found. */
export interface Candidate {
  readonly shape: MaskShape;
  readonly descriptor: Descriptor | null;
}

/** What a look says of one known object. */
export type IdentityDecision =
  /** It was found by the search for it. */
  | { readonly kind: 'found' }
  /** A candidate is this object. */
  | { readonly kind: 'recognised'; readonly candidate: number; readonly likeness: number }
  /** What was found for it is another object, which it is taken for no longer. */
  | { readonly kind: 'merged'; readonly into: number }
  /** What was found for it does not look like it. */
  | { readonly kind: 'unlike' }
  | { readonly kind: 'not_found' }
  | { readonly kind: 'not_looked_for' };

export interface IdentityResolution {
  /** In the order of the objects. */
  readonly decisions: readonly IdentityDecision[];
  /** Candidates that are no known object. */
  readonly unknown: readonly number[];
}

/** IoU from which two found masks show the same thing. */
const sameThing = 0.7;
/** How much less like the object something may be that the search for it has found. */
const searchAdvantage = 0.1;
/**
 * What was found for an object in view may look so much less like it than it usually does before it is taken for
 * something else, and at least and at most this like it.
 */
const similarityDrop = 0.3;
const [leastSimilarity, mostSimilarity] = [0.2, 0.6] as const;
/** Colours in common below which something is another thing: light may change, but not at once. */
const [minColoursInView, minColoursToReturn] = [0.05, 0.15] as const;
/** How much larger an object may become from look to look. */
const maxGrowth = 2.2;
/** Seniority of objects that people have shown. */
export const seniorityOfPeople = 1;
/** A search that succeeds says more than any likeness. */
const searchValue = 1;
/** What no pair is worth: an object stays without a sighting. */
const noValue = 0;

/**
 * Decides which sighting is which object: an assignment problem (Jonker and Volgenant 1987) over all known objects
 * and all that the look shows, in which every object may stay without a sighting. A sighting belongs to one object
 * only, so that two that found the same thing are told apart: it goes to the one that it fits better, and the other
 * waits, or is recognised elsewhere.
 */
export function resolveIdentities(
  objects: readonly KnownObject[],
  candidates: readonly Candidate[],
): IdentityResolution {
  const sightings = foundThings(objects);
  const columns = sightings.length + candidates.length;
  const width = columns + objects.length;
  const value = new Float64Array(objects.length * width).fill(Number.NEGATIVE_INFINITY);
  objects.forEach((object, row) => {
    sightings.forEach((claimants, column) => {
      if (claimants.includes(row)) value[row * width + column] = foundValue(object);
    });
    candidates.forEach((candidate, at) => {
      const like = likenessTo(object, candidate);
      if (like >= minLikeness[object.state]) value[row * width + sightings.length + at] = like;
    });
    value[row * width + columns + row] = noValue;
  });
  const chosen = assign(
    value.map((worth) => -worth),
    objects.length,
    width,
  );
  const decisions = objects.map((object, row): IdentityDecision => {
    const column = chosen[row] as number;
    if (column >= 0 && column < sightings.length) return { kind: 'found' };
    if (column >= sightings.length && column < columns) {
      const candidate = column - sightings.length;
      return { kind: 'recognised', candidate, likeness: value[row * width + column] as number };
    }
    return withoutSighting(object, row, objects, sightings, chosen);
  });
  const taken = new Set(chosen);
  const unknown = [...candidates.keys()].filter((at) => !taken.has(sightings.length + at));
  return { decisions, unknown };
}

/** Things that searches found, each with the rows of the objects that claim it; what is not believed is left out. */
function foundThings(objects: readonly KnownObject[]): number[][] {
  const things: number[][] = [];
  objects.forEach((object, row) => {
    if (object.search.kind !== 'found' || !isBelieved(object)) return;
    const same = things.find((rows) => rows.some((other) => claimSame(object, objects[other])));
    if (same === undefined) things.push([row]);
    else same.push(row);
  });
  return things;
}

/**
 * Whether two objects' searches found the same thing, so that one of them is wrong. What a model has judged of two
 * objects that people have shown is left to them.
 */
function claimSame(object: KnownObject, other: KnownObject | undefined): boolean {
  const [one, two] = [object.search, other?.search];
  if (one.kind !== 'found' || two?.kind !== 'found' || other === undefined) return false;
  const isOfPeople = object.seniority >= seniorityOfPeople && other.seniority >= seniorityOfPeople;
  if (isOfPeople && !one.isPresumed && !two.isPresumed) return false;
  return shapeIou(one.shape, two.shape) >= sameThing;
}

function withoutSighting(
  object: KnownObject,
  row: number,
  objects: readonly KnownObject[],
  sightings: readonly (readonly number[])[],
  chosen: Int32Array,
): IdentityDecision {
  if (object.search.kind !== 'found') return { kind: object.search.kind };
  const thing = sightings.findIndex((rows) => rows.includes(row));
  const winner = chosen.indexOf(thing);
  const into = thing < 0 || winner < 0 ? undefined : objects[winner]?.id;
  return into === undefined ? { kind: 'unlike' } : { kind: 'merged', into };
}

/**
 * Whether what the search for an object found is it, as far as that can be told. In view, motion speaks for it, so
 * that only something quite different is not believed; an object that was hidden has to be recognised.
 */
export function isBelieved(object: KnownObject): boolean {
  const { search, state } = object;
  if (search.kind !== 'found' || !search.isPresumed || search.descriptor === null) return true;
  const coloursNeeded = state === 'active' ? minColoursInView : minColoursToReturn;
  if (search.colours !== null && search.colours < coloursNeeded) return false;
  const similarity = object.similarity(search.descriptor);
  if (similarity === null) return true;
  // A mask that suddenly covers far more has spilled over to something else, as to an occluder.
  const before = Math.max(object.expected?.area ?? 0, object.usualArea ?? 0);
  if (before > 0 && search.shape.area > maxGrowth * before) return false;
  if (state === 'active') {
    const needed = (object.usualSimilarity ?? 0) - similarityDrop;
    return similarity >= Math.max(leastSimilarity, Math.min(mostSimilarity, needed));
  }
  return likenessTo(object, search) >= minLikeness[state] - searchAdvantage;
}

/** What a found thing is worth to an object that claims it: the search's word, then looks and place. */
function foundValue(object: KnownObject): number {
  if (object.search.kind !== 'found') return Number.NEGATIVE_INFINITY;
  const { score, shape, descriptor } = object.search;
  const similarity = descriptor === null ? null : object.similarity(descriptor);
  const overlap = object.expected === null ? 0 : shapeIou(object.expected, shape);
  return searchValue + score + object.seniority + Math.max(0, similarity ?? 0) / 2 + overlap / 2;
}

function likenessTo(
  object: KnownObject,
  { shape, descriptor }: { readonly shape: MaskShape; readonly descriptor: Descriptor | null },
): number {
  const { expected, usualArea, hiddenSeconds } = object;
  const area = usualArea ?? expected?.area ?? null;
  if (area === null) return 0;
  return likeness({
    cosine: descriptor === null ? null : object.similarity(descriptor),
    overlap: expected === null ? 0 : shapeIou(expected, shape),
    distance: expected === null ? 1 : Math.hypot(expected.x - shape.x, expected.y - shape.y) / Math.SQRT2,
    sizeRatio: shape.area / area,
    hiddenSeconds,
  });
}
