import type { FrameInfo } from '../buffer/frame.ts';
import { TrackcastError } from '../errors.ts';
import type { Prompt } from '../prompting/prompt.ts';
import { lostSeconds } from './life-cycle.ts';
import type { CandidateOrigin, DisownedSighting } from './segmentation.ts';
import type { TrackEvent } from './track.ts';
import { TrackedObject } from './tracked-object.ts';

/** What a new object is made of. */
export interface NewObject {
  /** Given by whoever prompts; the next free id otherwise. */
  readonly id?: number | undefined;
  readonly author: 'person' | 'strategy';
  readonly label: string | null;
  readonly frameIndex: number;
  readonly timestampNs: bigint;
  readonly score: number;
  /** For objects that a strategy found. */
  readonly origin?: CandidateOrigin | undefined;
  /** Whether it is announced at once, though a strategy found it. */
  readonly isCertain?: boolean | undefined;
}

/** How far below an id that is asked for others stay free. */
const maxPassedOver = 256;

/** The objects of one stream. Ids only grow and are never given twice. */
export class ObjectTable {
  readonly #streamId: string;
  readonly #limit: number;
  readonly #objects = new Map<number, TrackedObject>();
  /** Ids below the next one that were never given. */
  readonly #passedOver = new Set<number>();
  /** Ids of objects that consumers have been told of. */
  readonly #announced = new Set<number>();
  #nextId: number;
  #events: TrackEvent[] = [];
  #hidden = 0;
  #forgotten: number[] = [];
  #disowned: DisownedSighting[] = [];

  /** @param limit objects at most; people's objects count but are never refused */
  constructor(streamId: string, limit: number, firstId: number) {
    this.#streamId = streamId;
    this.#limit = limit;
    this.#nextId = firstId;
  }

  get nextId(): number {
    return this.#nextId;
  }

  get size(): number {
    return this.#objects.size;
  }

  /** In the order in which they were made. */
  all(): IterableIterator<TrackedObject> {
    return this.#objects.values();
  }

  find(id: number): TrackedObject | undefined {
    return this.#objects.get(id);
  }

  /** Throws `TRACKCAST_OBJECT_UNKNOWN`. */
  get(id: number): TrackedObject {
    const object = this.#objects.get(id);
    if (object !== undefined) return object;
    throw new TrackcastError('TRACKCAST_OBJECT_UNKNOWN', `stream ${this.#streamId} tracks no object ${id}`, {
      streamId: this.#streamId,
    });
  }

  /** How many more automatic objects may be made, counting those that could be given up for them. */
  room(): number {
    const expendable = [...this.#objects.values()].filter(isExpendable).length;
    return Math.max(0, this.#limit - this.#objects.size + expendable);
  }

  /**
   * Makes an object; at the limit, gives up an automatic one: one that no second look has confirmed, else the one that
   * has been hidden longest. Those in view give way to people's objects only, and only unconfirmed ones. Never given up
   * is one of a person, nor a locked one. Throws `TRACKCAST_PROMPT_INVALID` for an
   * id that was given before.
   */
  create(options: NewObject): TrackedObject {
    const id = options.id ?? this.#nextId;
    this.#claim(id);
    if (this.#objects.size >= this.#limit) this.#evict(options.author);
    const object = new TrackedObject({ ...options, id });
    this.#objects.set(id, object);
    this.#announceIfDue(object);
    return object;
  }

  /** Throws `TRACKCAST_OBJECT_UNKNOWN`. */
  remove(id: number): void {
    this.get(id);
    this.#objects.delete(id);
    this.#forgotten.push(id);
    if (this.#announced.delete(id)) this.#events.push({ kind: 'removed', trackId: id });
  }

  /** Removes those of the given objects that were never shown, because what was to show them came to nothing. */
  removeUnseen(ids: readonly number[]): void {
    for (const id of ids) {
      const object = this.#objects.get(id);
      if (object?.mask === null && object.confirmations === 0 && !object.isLocked) this.remove(id);
    }
  }

  clear(): void {
    for (const id of [...this.#objects.keys()]) this.remove(id);
  }

  /** Gives up automatic objects that have been lost for too long. */
  expire(timestampNs: bigint): void {
    for (const object of [...this.#objects.values()]) {
      if (!object.isAutomatic || object.state !== 'lost') continue;
      if (object.hiddenSeconds(timestampNs) > lostSeconds) this.remove(object.id);
    }
  }

  /** Notes an event of an object, if there is one; of what is on probation nobody is told. */
  note(event: TrackEvent | null): void {
    if (event === null || !this.#announced.has(event.trackId)) return;
    this.#events.push(event);
    if (event.kind === 'occluded' || event.kind === 'lost') this.#hidden++;
  }

  /** How many announced objects have been hidden or lost since the last call. */
  takeHidden(): number {
    const hidden = this.#hidden;
    this.#hidden = 0;
    return hidden;
  }

  /** Events since the last call. Objects whose probation has ended are announced by them. */
  takeEvents(): TrackEvent[] {
    for (const object of this.#objects.values()) this.#announceIfDue(object);
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** Ids of objects that were removed since the last call. */
  takeForgotten(): number[] {
    const forgotten = this.#forgotten;
    this.#forgotten = [];
    return forgotten;
  }

  /** Takes note that what was found for an object on a frame is something else. */
  disown(objectId: number, frameIndex: number): void {
    this.#disowned.push({ objectId, frameIndex });
  }

  /** What was disowned since the last call. */
  takeDisowned(): DisownedSighting[] {
    const disowned = this.#disowned;
    this.#disowned = [];
    return disowned;
  }

  /** Makes sure that an id is given once only. Ids may be asked for in any order. */
  #claim(id: number): void {
    if (id < this.#nextId && !this.#passedOver.delete(id)) {
      throw new TrackcastError('TRACKCAST_PROMPT_INVALID', `object id ${id} has been given before`, {
        streamId: this.#streamId,
      });
    }
    const firstPassedOver = Math.max(this.#nextId, id - maxPassedOver);
    for (let passed = firstPassedOver; passed < id; passed++) this.#passedOver.add(passed);
    this.#nextId = Math.max(this.#nextId, id + 1);
  }

  #announceIfDue(object: TrackedObject): void {
    if (object.isOnProbation || this.#announced.has(object.id)) return;
    this.#announced.add(object.id);
    this.#events.push({ kind: 'created', trackId: object.id });
  }

  /** @param author for whom room is made */
  #evict(author: NewObject['author']): void {
    let first: TrackedObject | null = null;
    for (const object of this.#objects.values()) {
      const isYielding = author === 'person' && object.isAutomatic && object.isOnProbation;
      if ((isYielding || isExpendable(object)) && (first === null || goesBefore(object, first)))
        first = object;
    }
    if (first !== null) this.remove(first.id);
  }
}

/** The object that a prompt is about: the one it names if that exists, a new one otherwise; takes its label. */
export function objectOfPrompt(
  prompt: Prompt,
  frame: Pick<FrameInfo, 'index' | 'timestampNs'>,
  objects: Pick<ObjectTable, 'find' | 'create'>,
): TrackedObject {
  const known = prompt.objectId === undefined ? undefined : objects.find(prompt.objectId);
  if (known !== undefined) {
    if (prompt.label !== undefined) known.label = prompt.label;
    return known;
  }
  return objects.create({
    id: prompt.objectId,
    author: prompt.author,
    label: prompt.label ?? null,
    frameIndex: frame.index,
    timestampNs: frame.timestampNs,
    score: 1,
  });
}

function isExpendable(object: TrackedObject): boolean {
  return object.isAutomatic && object.state !== 'active';
}

/** Which of two expendable objects is given up rather than the other. */
function goesBefore(a: TrackedObject, b: TrackedObject): boolean {
  if (a.isOnProbation !== b.isOnProbation) return a.isOnProbation;
  return a.lastSeenFrame < b.lastSeenFrame;
}
