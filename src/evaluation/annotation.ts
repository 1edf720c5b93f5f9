import { encodeRunLength, type RunLengthMask } from '../mask/run-length.ts';
import type { Prompt } from '../prompting/prompt.ts';
import { readEvenIndices } from './even-picture.ts';
import type { Sequence } from './sequence.ts';

const background = 0;
const ignoredIndex = 255;

/** What is known of one frame. */
export interface Annotation {
  readonly width: number;
  readonly height: number;
  /** Row-major: 0 background, 255 ignored, else an object id. */
  readonly indices: Uint8Array;
  /** Ids of the objects in the picture, ascending. */
  readonly objectIds: readonly number[];
  /** 1 where nothing is scored; null where everything is. */
  readonly ignored: Uint8Array | null;
}

/** Reads a palette picture, cropped to even sides as its video is. Throws `TRACKCAST_SOURCE_UNREADABLE`. */
export async function readAnnotation(path: string): Promise<Annotation> {
  const { width, height, data: indices } = await readEvenIndices(path);
  const pixelsOf = new Uint32Array(256);
  for (const index of indices) pixelsOf[index] = (pixelsOf[index] ?? 0) + 1;
  const objectIds = [...pixelsOf.keys()].filter(
    (index) => index !== background && index !== ignoredIndex && pixelsOf[index] !== 0,
  );
  const ignored =
    pixelsOf[ignoredIndex] === 0 ? null : indices.map((index) => (index === ignoredIndex ? 1 : 0));
  return { width, height, indices, objectIds, ignored };
}

/** Pixels of one object: 1 inside. */
export function regionOf(annotation: Annotation, objectId: number): Uint8Array {
  return annotation.indices.map((index) => (index === objectId ? 1 : 0));
}

/** One object's mask at the picture's size. */
function maskOf(annotation: Annotation, objectId: number): RunLengthMask {
  return encodeRunLength(regionOf(annotation, objectId), annotation.width, annotation.height);
}

/** The annotated objects of each frame, as masks; null unless every one of the first `frames` frames is annotated. */
export async function annotatedMasks(
  sequence: Sequence,
  frames: number,
): Promise<readonly (readonly { readonly id: number; readonly mask: RunLengthMask }[])[] | null> {
  const paths = Array.from({ length: frames }, (_, index) => sequence.annotations.get(index));
  const masks: { readonly id: number; readonly mask: RunLengthMask }[][] = [];
  for (const path of paths) {
    if (path === undefined) return null;
    const annotation = await readAnnotation(path);
    masks.push(annotation.objectIds.map((id) => ({ id, mask: maskOf(annotation, id) })));
  }
  return masks;
}

/** The masks by which objects are shown to a tracker. */
export interface SequencePrompts {
  /** By frame index, in ascending order of ids. The object's id is its annotated one. */
  readonly byFrame: ReadonlyMap<number, readonly Prompt[]>;
  /** Frame on which each object is shown. */
  readonly frameOf: ReadonlyMap<number, number>;
}

/** Each object's first mask, as a prompt of a person on its frame, among the first `frames` frames. */
export async function promptsOf(sequence: Sequence, frames: number): Promise<SequencePrompts> {
  const shown = sequence.prompts.size > 0 ? sequence.prompts : sequence.annotations;
  const byFrame = new Map<number, Prompt[]>();
  const frameOf = new Map<number, number>();
  for (const [index, path] of [...shown].sort(([one], [other]) => one - other)) {
    if (index >= frames) break;
    const annotation = await readAnnotation(path);
    for (const objectId of annotation.objectIds) {
      if (frameOf.has(objectId)) continue;
      frameOf.set(objectId, index);
      const prompt: Prompt = {
        shape: { kind: 'mask', mask: maskOf(annotation, objectId) },
        objectId,
        author: 'person',
      };
      byFrame.set(index, [...(byFrame.get(index) ?? []), prompt]);
    }
  }
  return { byFrame, frameOf };
}
