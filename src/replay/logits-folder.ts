import { type FileHandle, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { TrackcastError } from '../errors.ts';
import { type WritableTensor, writeSafetensors } from '../model/checkpoint/safetensors-writer.ts';
import { fromHalf } from '../model/graph/half-float.ts';
import { errorCode } from '../system-error.ts';
import type { ObjectResult } from '../tracker/sam2/camera-predictor.ts';

/** How the mask of a result was chosen: the best of three, the one, or the one that was given. */
export type MaskChoice = 'multimask' | 'single' | 'given';

export interface RecordedResult {
  readonly result: ObjectResult;
  readonly choice: MaskChoice;
}

/** What one frame came to for one object. */
export interface ObjectRecord {
  readonly objectId: number;
  /** By tracking, or by the last prompt before it. */
  readonly found: RecordedResult;
  /** By the last prompt after tracking. */
  readonly refined: RecordedResult | null;
}

/** What is said of the run in the index. */
export interface LogitsHeader {
  readonly imageSize: number;
  readonly maskSize: number;
  readonly [key: string]: unknown;
}

/** Decisions about one object on one frame, as in the index. */
interface Decision {
  readonly provenance: ObjectResult['provenance'];
  /** Index among the candidates: of three, or of one; null for a mask that was given. */
  readonly best: number | null;
  readonly multimask: boolean;
  /** Mask token that the mask is from: 0 the single mask, 1 to 3 the three. */
  readonly maskToken: number | null;
  /** Logit of presence. */
  readonly score: number;
  /** Logits of the low-resolution mask above 0. */
  readonly area: number;
  /** What was attended to, in the order of tokens: frame and row of the temporal code, frame and time. */
  readonly memories: readonly (readonly [number, number])[];
  readonly pointers: readonly (readonly [number, number])[];
}

const indexName = 'index.json';

/**
 * A folder for the raw numbers of a run: one safetensors file per frame, and `index.json` with all decisions, which
 * is complete once the folder is closed. All methods reject with `TRACKCAST_OUTPUT_UNWRITABLE`.
 */
export class LogitsFolder {
  readonly #path: string;
  readonly #index: FileHandle;
  readonly #maskSize: number;
  #frames = 0;

  private constructor(path: string, index: FileHandle, maskSize: number) {
    this.#path = path;
    this.#index = index;
    this.#maskSize = maskSize;
  }

  /**
   * Makes the folder where there is none, and begins its index. Frame files of earlier runs are removed, so that the
   * folder holds what the index names; other files stay.
   */
  static async create(path: string, header: LogitsHeader): Promise<LogitsFolder> {
    const indexPath = join(path, indexName);
    try {
      await makeFolder(path);
      const index = await open(indexPath, 'w');
      try {
        await removeFrameFiles(path);
        const folder = new LogitsFolder(path, index, header.maskSize);
        await folder.#append(`${JSON.stringify({ version: 1, ...header }).slice(0, -1)},\n"frames": [`);
        return folder;
      } catch (error) {
        await index.close();
        throw error;
      }
    } catch (error) {
      throw unwritable(indexPath, error);
    }
  }

  async write(frame: number, objects: readonly ObjectRecord[]): Promise<void> {
    const file = fileName(frame);
    const tensors: WritableTensor[] = [];
    const metadata: Record<string, string> = { frame: String(frame) };
    for (const [prefix, recorded] of objects.flatMap(namedResults)) {
      tensors.push(...this.#tensorsOf(prefix, recorded));
      metadata[prefix] = JSON.stringify(decisionOf(recorded));
    }
    await writeSafetensors(join(this.#path, file), tensors, metadata);
    const decisions = objects.map(({ objectId, found, refined }) => ({
      objectId,
      ...decisionOf(found),
      ...(refined === null ? {} : { refinement: decisionOf(refined) }),
    }));
    const separator = this.#frames === 0 ? '\n' : ',\n';
    await this.#append(separator + JSON.stringify({ frame, file, objects: decisions }));
    this.#frames += 1;
  }

  /** Completes the index. */
  async close(): Promise<void> {
    try {
      await this.#append('\n]}\n');
    } finally {
      await this.#index.close();
    }
  }

  async #append(text: string): Promise<void> {
    try {
      await this.#index.appendFile(text);
    } catch (error) {
      throw unwritable(join(this.#path, indexName), error);
    }
  }

  #tensorsOf(prefix: string, { result, choice }: RecordedResult): WritableTensor[] {
    const { lowResMask, objectScore, pointer } = result;
    const pointerValues = pointer instanceof Uint16Array ? fromHalf(pointer) : pointer;
    const ious = reportedIous(result, choice);
    const side = this.#maskSize;
    return [
      tensor(`${prefix}.low_res_mask`, [1, 1, side, side], lowResMask),
      tensor(`${prefix}.object_score_logits`, [1, 1], Float32Array.of(objectScore)),
      tensor(`${prefix}.ious`, [1, ious.length], ious),
      tensor(`${prefix}.obj_ptr`, [1, pointerValues.length], pointerValues),
    ];
  }
}

function namedResults({ objectId, found, refined }: ObjectRecord): [prefix: string, RecordedResult][] {
  const prefix = `o${objectId}`;
  return refined === null
    ? [[prefix, found]]
    : [
        [prefix, found],
        [`${prefix}.refine`, refined],
      ];
}

/** As the published code returns them: those of all three candidates, or the chosen one's. */
function reportedIous({ ious, maskIndex }: ObjectResult, choice: MaskChoice): Float32Array {
  return choice === 'multimask' ? ious.slice(1) : ious.slice(maskIndex, maskIndex + 1);
}

function decisionOf({ result, choice }: RecordedResult): Decision {
  const { provenance, objectScore, maskIndex, lowResMask, attended } = result;
  let area = 0;
  for (const logit of lowResMask) if (logit > 0) area++;
  const isGiven = choice === 'given';
  return {
    provenance,
    best: isGiven ? null : choice === 'multimask' ? maskIndex - 1 : 0,
    multimask: choice === 'multimask',
    maskToken: isGiven ? null : maskIndex,
    score: objectScore,
    area,
    memories: attended.memories.map(({ frame, row }) => [frame, row]),
    pointers: attended.pointers.map(({ frame, time }) => [frame, time]),
  };
}

function fileName(frame: number): string {
  return `f${String(frame).padStart(6, '0')}.safetensors`;
}

/** Files that only runs of the program give such names, and what runs that were killed left of them. */
const frameFile = /^f(\d{6}|[1-9]\d{6,})\.safetensors(\.[0-9a-f-]{36}\.part)?$/;

async function removeFrameFiles(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isFile() && frameFile.test(entry.name)) await rm(join(folder, entry.name), { force: true });
  }
}

function tensor(name: string, shape: readonly number[], values: Float32Array): WritableTensor {
  const { buffer, byteOffset, byteLength } = values;
  return { name, type: 'F32', shape, data: new Uint8Array(buffer, byteOffset, byteLength) };
}

function unwritable(path: string, error: unknown): TrackcastError {
  if (error instanceof TrackcastError) return error;
  const reason = errorCode(error);
  const message = `Cannot write ${path}: ${reason}.`;
  return new TrackcastError('TRACKCAST_OUTPUT_UNWRITABLE', message, { key: path }, { cause: error });
}

/** With its parents. Node.js 20 never returns from making a folder where the file system allows none, as in /proc. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'EEXIST') return;
    const parent = dirname(resolve(path));
    if (code !== 'ENOENT' || (await isThere(parent))) throw error;
    await makeFolder(parent);
    await mkdir(path);
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false;
  }
}
