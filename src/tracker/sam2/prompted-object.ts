import type { Box } from '../../mask/box.ts';
import { decodeRunLength } from '../../mask/run-length.ts';
import type {
  Activations,
  DecodedObject,
  FrameFeatures,
  PromptGround,
  PromptRequest,
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

interface PromptedObject {
  readonly decoded: DecodedObject;
  readonly attended: AttendedMemory;
  /** The clicks and the box that were decoded, earlier ones included; null for a mask. */
  readonly sparse: SparsePrompt | null;
}

/** What a prompt came to. */
export interface ShownObject extends PromptedObject {
  readonly memory: Activations;
}

/** One of several objects that are shown at once. */
export interface ObjectPrompt {
  readonly objectId: number;
  /** Source pixels; a mask may have a size of its own. */
  readonly shape: PromptShape;
  /** Whether clicks add to the earlier ones on this frame (`clear_old_points=False`), instead of replacing them. */
  readonly keepsEarlierPoints?: boolean;
  /** Whether the object is shown as if nothing were known of it on this frame: that is replaced, not corrected. */
  readonly isAnew?: boolean;
}

/** Whether a prompt conditions its object, rather than correcting what its memory found on this frame. */
export function isInitialPrompt(
  { isAnew = false }: Pick<ObjectPrompt, 'isAnew'>,
  bank: ObjectMemoryBank | undefined,
): boolean {
  if (isAnew) return true;
  const provenance = bank?.present?.outcome.provenance;
  return provenance === undefined || provenance === 'conditioned';
}

/**
 * Decodes and remembers prompts of different objects, in as few batches as they allow.
 *
 * @param bankOf what is known of an object, undefined for a new one
 * @param mend is given the mask of each, to change it in place before it is remembered
 * @throws TrackcastError `TRACKCAST_PROMPT_INVALID`, `TRACKCAST_MASK_INVALID`; nothing has come of any prompt then
 */
export async function showObjects(
  runtime: Sam2Runtime,
  picture: PromptedPicture,
  prompts: readonly ObjectPrompt[],
  bankOf: (objectId: number) => ObjectMemoryBank | undefined,
  mend: (lowResMask: Float32Array) => void,
): Promise<ShownObject[]> {
  const { features } = picture;
  const plans = prompts.map((prompt) => planPrompt(runtime, picture, prompt, bankOf(prompt.objectId)));
  const requests = plans.map(({ request }) => request);
  const answers = await runtime.promptAll(features, requests);
  const prompted = plans.map((plan, at) => plan.complete(answers[at] as DecodedObject));
  for (const { decoded } of prompted) mend(decoded.lowResMask);
  const masks = prompted.map(({ decoded }) => decoded);
  const memories = await runtime.rememberAll(features, masks);
  return prompted.map((each, at) => ({ ...each, memory: memories[at] as Activations }));
}

/** A prompt on its way through the decoder. */
interface PromptPlan {
  readonly request: PromptRequest;
  /** What the decoder's answer comes to. */
  complete(decoded: DecodedObject): PromptedObject;
}

/**
 * A first prompt is seen without memory, and so are more of them on the same frame; a
 * correction looks at the frame through memory. Clicks and boxes go with what was last known of the object on this
 * frame, unless they show it anew.
 */
function planPrompt(
  runtime: Sam2Runtime,
  picture: PromptedPicture,
  prompt: ObjectPrompt,
  bank: ObjectMemoryBank | undefined,
): PromptPlan {
  const { shape, keepsEarlierPoints = false, isAnew = false } = prompt;
  if (shape.kind === 'mask') {
    const [height, width] = shape.mask.size;
    const output = maskAsOutput(runtime, decodeRunLength(shape.mask), width, height);
    return {
      request: output.request,
      complete: (decoded) => ({
        decoded: output.complete(decoded),
        attended: nothingAttended,
        sparse: null,
      }),
    };
  }
  const present = isAnew ? null : (bank?.present ?? null);
  const scale = { width: picture.width, height: picture.height, imageSize: runtime.geometry.imageSize };
  const sparse = sparsePrompt(shape, scale, keepsEarlierPoints ? (present?.prompt ?? null) : null);
  let ground: PromptGround = { kind: 'initial' };
  let attended = nothingAttended;
  if (bank !== undefined && !isInitialPrompt(prompt, bank)) {
    const recalled = bank.recall(false);
    attended = recalled.attended;
    ground = { kind: 'remembered', memory: recalled.memory };
  }
  const mask = present?.outcome.lowResMask.map(clampLogit) ?? null;
  return {
    request: { ground, sparse, mask, multimask: isAmbiguous(sparse) },
    complete: (decoded) => ({ decoded, attended, sparse }),
  };
}

function clampLogit(logit: number): number {
  return Math.min(Math.max(logit, -maxPromptLogit), maxPromptLogit);
}

/**
 * Decodes boxes as the first prompts of objects are, in one batch, without remembering anything.
 *
 * @param boxes source pixels
 */
export async function decodeBoxes(
  runtime: Sam2Runtime,
  { features, width, height }: PromptedPicture,
  boxes: readonly Box[],
): Promise<DecodedObject[]> {
  const scale = { width, height, imageSize: runtime.geometry.imageSize };
  const requests = boxes.map((box): PromptRequest => {
    const sparse = sparsePrompt({ kind: 'box', box }, scale, null);
    return { ground: { kind: 'initial' }, sparse, mask: null, multimask: isAmbiguous(sparse) };
  });
  return requests.length === 0 ? [] : runtime.promptAll(features, requests);
}
