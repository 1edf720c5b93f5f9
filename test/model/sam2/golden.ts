import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

const folder = new URL('../../../../shared/sam2/', import.meta.url);

/** Whether the golden vectors are here; use with `describe.skipIf(!hasGoldens)`. */
export const hasGoldens = existsSync(new URL('index.json', folder));
if (!hasGoldens) {
  console.warn('SKIPPED: the golden vectors of SAM 2 are not here, so its numbers are not checked');
}

export interface GoldenTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint8Array | Int32Array;
}

/** What the index says about one golden file. Scenarios have further keys, such as `prompts` and `decisions`. */
export interface GoldenEntry {
  readonly [key: string]: unknown;
  readonly about: string;
  readonly tensors: Readonly<Record<string, { readonly atol?: number | string; readonly noise?: number }>>;
}

let index: { readonly files: Readonly<Record<string, GoldenEntry>> } | null = null;

/** Absolute path of a file among the golden vectors. */
export function goldenPath(name: string): string {
  return fileURLToPath(new URL(name, folder));
}

/** Entry of a golden file in the index, by its name without extension. */
export function goldenEntry(file: string): GoldenEntry {
  index ??= JSON.parse(readFileSync(goldenPath('index.json'), 'utf8')) as NonNullable<typeof index>;
  const entry = index.files[file];
  if (entry === undefined) throw new Error(`the golden index has no file ${file}`);
  return entry;
}

/** Tolerance of a golden output: absolute, in levels for pictures, 0 for exact ones. */
export function atolOf(file: string, tensor: string): number {
  const atol = goldenEntry(file).tensors[tensor]?.atol;
  if (typeof atol === 'number') return atol;
  if (atol === 'exact') return 0;
  if (atol === '<= 1 level') return 1;
  throw new Error(`${file} ${tensor} has no single tolerance: ${atol ?? 'it is an input'}`);
}

/** The tensors of one golden file. Getters throw for a tensor that is absent or of another type. */
export class GoldenFile {
  readonly tensors: ReadonlyMap<string, GoldenTensor>;
  readonly #name: string;

  constructor(name: string, tensors: ReadonlyMap<string, GoldenTensor>) {
    this.#name = name;
    this.tensors = tensors;
  }

  get(tensor: string): GoldenTensor {
    const found = this.tensors.get(tensor);
    if (found === undefined) throw new Error(`${this.#name} has no tensor ${tensor}`);
    return found;
  }

  floats(tensor: string): Float32Array {
    return this.#typed(tensor, Float32Array);
  }

  bytes(tensor: string): Uint8Array {
    return this.#typed(tensor, Uint8Array);
  }

  integers(tensor: string): Int32Array {
    return this.#typed(tensor, Int32Array);
  }

  #typed<T>(tensor: string, type: new () => T): T {
    const { data } = this.get(tensor);
    if (!(data instanceof type)) throw new Error(`${this.#name} ${tensor} is a ${data.constructor.name}`);
    return data;
  }
}

/**
 * Reads a golden `.safetensors` file by its name without extension. The reading is deliberately its own: what
 * is under test must not read its own expectations.
 */
export function readGolden(file: string): GoldenFile {
  const bytes = readFileSync(goldenPath(`${file}.safetensors`));
  const dataStart = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, dataStart)) as Record<string, StoredTensor>;
  const tensors = new Map<string, GoldenTensor>();
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    // The copy aligns the values; the file does not.
    const data = Uint8Array.from(bytes.subarray(dataStart + offsets[0], dataStart + offsets[1]));
    tensors.set(name, { shape, data: typedView(data, dtype) });
  }
  return new GoldenFile(file, tensors);
}

interface StoredTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

function typedView(bytes: Uint8Array, dtype: string): GoldenTensor['data'] {
  if (dtype === 'U8') return bytes;
  if (dtype === 'F32') return new Float32Array(bytes.buffer);
  if (dtype === 'I32') return new Int32Array(bytes.buffer);
  throw new Error(`golden vectors of type ${dtype} are not read`);
}

/**
 * Expects numbers to differ by at most `atol` from golden ones, and says by how much and where they differ
 * most. Values that are no number differ from everything.
 *
 * @param expected with its shape, the place is told per axis
 * @returns the largest absolute difference
 */
export function expectClose(
  actual: ArrayLike<number>,
  expected: GoldenTensor | ArrayLike<number>,
  atol: number,
  what: string,
): number {
  const shape = 'shape' in expected ? expected.shape : [expected.length];
  const values: ArrayLike<number> = 'shape' in expected ? expected.data : expected;
  expect(actual.length, `length of ${what}`).toBe(values.length);
  let worst = 0;
  let worstAt = 0;
  let outside = 0;
  for (let at = 0; at < values.length; at++) {
    const distance = Math.abs((actual[at] as number) - (values[at] as number));
    const difference = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance;
    if (difference > atol) outside++;
    if (difference > worst) {
      worst = difference;
      worstAt = at;
    }
  }
  const place = placeOf(worstAt, shape).join(', ');
  const found = `${actual[worstAt]} instead of ${values[worstAt]} at [${place}]`;
  const message = `${what}: ${outside} of ${values.length} values differ by more than ${atol}, worst ${worst}: ${found}`;
  expect(outside, message).toBe(0);
  return worst;
}

/** Index along each axis of a row-major position. */
function placeOf(at: number, shape: readonly number[]): number[] {
  const place: number[] = [];
  let rest = at;
  for (const side of shape.toReversed()) {
    place.unshift(rest % side);
    rest = Math.floor(rest / side);
  }
  return place;
}
