import { decodeRunLength } from '../../mask/run-length.ts';
import type {
  DecodedObject,
  FrameFeatures,
  PromptGround,
  Sam2Runtime,
  SparsePrompt,
} from '../../model/sam2/sam2-runtime.ts';
import type { PromptShape } from '../../prompting/prompt.ts';
import { maskAsOutput } from './mask-output.ts';
import type { AttendedMemory, ObjectMemoryBank } from './object-memory-bank.ts';
import { isAmbiguous, sparsePrompt } from './prompt-tokens.ts';

/** Earlier logits that go with a prompt are cut to this, as the published predictor does. */
const maxPromptLogit = 32;

export const nothingAttended: AttendedMemory = { memories: [], pointers: [] };

/** The picture that a prompt is about. */
export interface PromptedPicture {
  readonly features: FrameFeatures;
  /** Of the source picture, pixels. */
  readonly width: number;
  readonly height: number;
}

export interface PromptedObject {
  readonly decoded: DecodedObject;
  readonly attended: AttendedMemory;
  /** The clicks and the box that were decoded, earlier ones included; null for a mask. */
  readonly sparse: SparsePrompt | null;
}

/** Whether a prompt shows the object anew, rather than correcting what its memory found on this frame. */
export function isInitialPrompt(bank: ObjectMemoryBank | undefined): boolean {
  const provenance = bank?.present?.outcome.provenance;
  return provenance === undefined || provenance === 'conditioned';
}

/**
 * Decodes a prompt. A first prompt is seen without memory, and so are more of them on the same frame; a correction looks
 * at the frame through memory. Clicks and boxes go with what was last known of the object on this frame.
 *
 * @param bank of the object, undefined for a new one
 * @throws TrackcastError `TRACKCAST_PROMPT_INVALID`, `TRACKCAST_MASK_INVALID`
 */
export async function decodePrompt(
  runtime: Sam2Runtime,
  picture: PromptedPicture,
  bank: ObjectMemoryBank | undefined,
  shape: PromptShape,
  keepsEarlierPoints: boolean,
): Promise<PromptedObject> {
  const { features } = picture;
  if (shape.kind === 'mask') {
    const [height, width] = shape.mask.size;
    const decoded = await maskAsOutput(runtime, features, decodeRunLength(shape.mask), width, height);
    return { decoded, attended: nothingAttended, sparse: null };
  }
  const present = bank?.present ?? null;
  const scale = { width: picture.width, height: picture.height, imageSize: runtime.geometry.imageSize };
  const sparse = sparsePrompt(shape, scale, keepsEarlierPoints ? (present?.prompt ?? null) : null);
  let ground: PromptGround = { kind: 'initial' };
  let attended = nothingAttended;
  if (bank !== undefined && !isInitialPrompt(bank)) {
    const recalled = bank.recall(false);
    attended = recalled.attended;
    ground = { kind: 'remembered', memory: recalled.memory };
  }
  const decoded = await runtime.prompt(features, {
    ground,
    sparse,
    mask: present?.outcome.lowResMask.map(clampLogit) ?? null,
    multimask: isAmbiguous(sparse),
  });
  return { decoded, attended, sparse };
}

function clampLogit(logit: number): number {
  return Math.min(Math.max(logit, -maxPromptLogit), maxPromptLogit);
}
