import type { Activations, FrameFeatures, ObjectStep, Sam2Runtime } from '../../model/sam2/sam2-runtime.ts';
import type { FrameOutcome, ObjectPolicy } from './memory-policy.ts';

/** Logit that the decoder's masks have everywhere where it takes an object for absent. */
const absentLogit = -1024;

/** What a tracked frame comes to. Without memory, it is not to be remembered. */
export interface BelievedOutcome {
  readonly outcome: FrameOutcome;
  readonly memory: Activations | null;
}

/** Lets an object's policy have its say about what the model found: another of the masks, or none of them. */
export async function believedOutcome(
  { policy, time }: { readonly policy: ObjectPolicy; readonly time: number },
  step: ObjectStep,
  features: FrameFeatures,
  runtime: Pick<Sam2Runtime, 'rememberAll' | 'recycle' | 'geometry' | 'architecture' | 'absentPointer'>,
): Promise<BelievedOutcome> {
  const { memory, ...decoded } = step;
  const found: FrameOutcome = { ...decoded, provenance: 'tracked' };
  const chosen = withMask(found, policy.choose?.(found, time) ?? found.maskIndex, runtime);
  if (policy.believes?.(chosen) === false) {
    runtime.recycle?.(memory);
    return { outcome: asAbsent(chosen, runtime.absentPointer), memory: null };
  }
  if (chosen === found) return { outcome: found, memory };
  runtime.recycle?.(memory);
  const { lowResMask, objectScore } = chosen;
  const [another] = await runtime.rememberAll(features, [{ lowResMask, objectScore, isSoft: true }]);
  return { outcome: chosen, memory: another ?? null };
}

/** What is told of an outcome: the masks that were not chosen take memory. */
export function withoutCandidates({
  candidates,
  ...outcome
}: FrameOutcome): Omit<FrameOutcome, 'candidates'> {
  return outcome;
}

/** The outcome with the mask of another multimask token, where its candidates are known. */
function withMask(
  outcome: FrameOutcome,
  maskIndex: number,
  { geometry, architecture }: Pick<Sam2Runtime, 'geometry' | 'architecture'>,
): FrameOutcome {
  const { candidates } = outcome;
  if (maskIndex === outcome.maskIndex || candidates === undefined || outcome.objectScore <= 0) return outcome;
  const at = maskIndex - 1;
  const pixels = geometry.maskSize ** 2;
  const { channels } = architecture;
  return {
    ...outcome,
    maskIndex,
    lowResMask: candidates.masks.slice(at * pixels, (at + 1) * pixels),
    pointer: candidates.pointers.slice(at * channels, (at + 1) * channels),
  };
}

function asAbsent(outcome: FrameOutcome, absentPointer: Activations): FrameOutcome {
  const { ious, maskIndex, lowResMask } = outcome;
  return {
    provenance: outcome.provenance,
    ious,
    maskIndex,
    lowResMask: new Float32Array(lowResMask.length).fill(absentLogit),
    // No more than absent: the model itself thought otherwise.
    objectScore: 0,
    pointer: absentPointer,
  };
}
