import type { ByteReader } from './byte-reader.ts';
import { invalidCheckpoint, quoteName } from './invalid-checkpoint.ts';
import { checkpointLimits } from './limits.ts';
import { pickleGlobals } from './pickle-globals.ts';
import {
  PickleDictionary,
  PickleGlobal,
  PickleList,
  PickleTuple,
  type PickleValue,
} from './pickle-values.ts';
import { rebuildStorage } from './tensor-reference.ts';

/**
 * The machine that a pickle programs: a stack with marks, and a memo of values for later reference. It builds
 * plain data and descriptions of tensors, and calls nothing that a file names. Every misuse, and whatever goes
 * beyond `checkpointLimits`, throws `TRACKCAST_CHECKPOINT_INVALID`.
 */
export class PickleMachine {
  readonly reader: ByteReader;
  readonly #stack: PickleValue[] = [];
  /** Heights of the stack where marks were set; what lies below the last one cannot be reached. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();
  #objects = 0;

  constructor(reader: ByteReader) {
    this.reader = reader;
  }

  push(value: PickleValue): void {
    if (this.#stack.length >= checkpointLimits.pickleStack)
      throw aboveLimit('pickleStack', 'values at a time');
    this.#stack.push(value);
  }

  pop(): PickleValue {
    const value = this.#top();
    this.#stack.pop();
    return value;
  }

  /** Takes a value off the stack, or, where there is none above the last mark, the mark. */
  discard(): void {
    if (this.#stack.length === this.#floor() && this.#marks.length > 0) this.#marks.pop();
    else this.pop();
  }

  duplicate(): void {
    this.push(this.#top());
  }

  mark(): void {
    if (this.#marks.length >= checkpointLimits.pickleStack)
      throw aboveLimit('pickleStack', 'marks at a time');
    this.#marks.push(this.#stack.length);
  }

  /** Takes everything above the last mark off the stack, and the mark. */
  popToMark(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw invalidCheckpoint('its pickle refers to a mark that it has not set');
    return this.#stack.splice(mark);
  }

  pushTuple(items: readonly PickleValue[]): void {
    this.#countObject();
    this.push(new PickleTuple(items));
  }

  /** A tuple of the topmost values. */
  pushTupleOf(count: number): void {
    const items: PickleValue[] = [];
    for (let i = 0; i < count; i++) items.push(this.pop());
    this.pushTuple(items.reverse());
  }

  pushList(items: readonly PickleValue[]): void {
    this.#countObject();
    this.push(new PickleList());
    this.append(items);
  }

  pushDictionary(items: readonly PickleValue[]): void {
    this.#countObject();
    this.push(new PickleDictionary());
    this.setItems(items);
  }

  /** Adds to the list on top. */
  append(items: readonly PickleValue[]): void {
    const list = this.#top();
    if (!(list instanceof PickleList))
      throw invalidCheckpoint('its pickle appends to something else than a list');
    for (const item of items) list.items.push(item);
  }

  /** Sets keys and values, in turn, of the dictionary on top. */
  setItems(items: readonly PickleValue[]): void {
    const dictionary = this.#topDictionary();
    if (items.length % 2 !== 0) throw invalidCheckpoint('its pickle has a key without a value');
    for (let i = 0; i < items.length; i += 2) dictionary.entries.set(items[i] ?? null, items[i + 1] ?? null);
  }

  /** Takes the attributes off that an object shall get; a dictionary's say nothing about tensors. */
  dropState(): void {
    this.pop();
    this.#topDictionary();
  }

  memoize(index = this.#memo.size): void {
    if (this.#memo.size >= checkpointLimits.pickleMemo) throw aboveLimit('pickleMemo', 'kept values');
    this.#memo.set(index, this.#top());
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw invalidCheckpoint('its pickle refers to a value that it has not kept');
    this.push(value);
  }

  pushGlobal(module: PickleValue, name: PickleValue): void {
    if (typeof module !== 'string' || typeof name !== 'string') {
      throw invalidCheckpoint('its pickle has a name that is no text');
    }
    const value = pickleGlobals.get(`${module}.${name}`);
    if (!value) throw invalidCheckpoint(`${quoteName(`${module}.${name}`)} is not allowed in a checkpoint`);
    this.push(value);
  }

  /** What Python would call; here, the description of what the call would give. */
  reduce(): void {
    const items = this.pop();
    const callable = this.pop();
    if (!(callable instanceof PickleGlobal && callable.rebuild && items instanceof PickleTuple)) {
      throw invalidCheckpoint('its pickle calls what cannot be called');
    }
    this.#countObject();
    this.push(callable.rebuild(items.items));
  }

  pushStorage(): void {
    this.#countObject();
    this.push(rebuildStorage(this.pop()));
  }

  pushInteger(length: number): void {
    if (length < 0 || length > checkpointLimits.pickleIntegerBytes) {
      throw aboveLimit('pickleIntegerBytes', 'bytes in an integer');
    }
    const bytes = this.reader.bytes(length);
    let value = 0n;
    for (const byte of bytes.toReversed()) value = (value << 8n) | BigInt(byte);
    value = BigInt.asIntN(length * 8, value);
    const number = Number(value);
    this.push(Number.isSafeInteger(number) ? number : value);
  }

  #top(): PickleValue {
    const value = this.#stack.at(-1);
    if (value === undefined || this.#stack.length === this.#floor()) {
      throw invalidCheckpoint('its pickle takes more values than it has');
    }
    return value;
  }

  #topDictionary(): PickleDictionary {
    const value = this.#top();
    if (value instanceof PickleDictionary) return value;
    throw invalidCheckpoint('its pickle sets items of something else than a dictionary');
  }

  #floor(): number {
    return this.#marks.at(-1) ?? 0;
  }

  #countObject(): void {
    if (++this.#objects > checkpointLimits.pickleObjects) throw aboveLimit('pickleObjects', 'objects');
  }
}

function aboveLimit(limit: keyof typeof checkpointLimits, subject: string): Error {
  return invalidCheckpoint(`its pickle has more than ${checkpointLimits[limit]} ${subject}`);
}
