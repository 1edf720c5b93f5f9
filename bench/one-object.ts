import type {
  Activations,
  DecodedObject,
  FrameFeatures,
  PromptRequest,
  Sam2Runtime,
} from '../src/model/sam2/sam2-runtime.ts';

/** Decodes one prompt. */
export async function promptOne(
  runtime: Pick<Sam2Runtime, 'promptAll'>,
  features: FrameFeatures,
  request: PromptRequest,
): Promise<DecodedObject> {
  const [decoded] = await runtime.promptAll(features, [request]);
  if (decoded === undefined) throw new Error('a prompt came to nothing');
  return decoded;
}

/** The memory that one object leaves. */
export async function rememberOne(
  runtime: Pick<Sam2Runtime, 'rememberAll'>,
  features: FrameFeatures,
  lowResMask: Float32Array,
  objectScore: number,
  mask: 'binary' | 'soft' = 'binary',
): Promise<Activations> {
  const isSoft = mask === 'soft';
  const [memory] = await runtime.rememberAll(features, [{ lowResMask, objectScore, isSoft }]);
  if (memory === undefined) throw new Error('nothing was remembered');
  return memory;
}
