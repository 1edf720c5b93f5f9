import { TrackcastError } from '../../errors.ts';
import {
  describeRefusal,
  type ExecutionProvider,
  type RefusedProvider,
  refusalReason,
} from '../../model/runtime.ts';
import type { Sam2Runtime } from '../../model/sam2/sam2-runtime.ts';
import { warmUp } from '../../model/sam2/warm-up.ts';
import type { CameraPredictorOptions } from './camera-predictor.ts';

/** A runtime that tells where it runs. */
export interface PlacedSam2Runtime extends Sam2Runtime {
  readonly provider: ExecutionProvider;
  readonly refusedProviders: readonly RefusedProvider[];
}

/** A model that has run on its device. */
export interface WarmSam2 {
  readonly runtime: PlacedSam2Runtime;
  /** Providers that were preferred and cannot open or cannot run the model, in the order in which they were tried. */
  readonly refused: readonly RefusedProvider[];
}

/**
 * Opens SAM 2 and runs all of it once, so that no frame pays for compilation. A provider that opens the model but
 * cannot run it is refused as one that cannot open it, and the next is tried. Blocks its thread for seconds.
 *
 * @param executionProviders in the order in which they are tried
 * @param open opens the model on the first of these providers that can
 * @param signal asks to give up, which happens between two runs; rejects with its reason then, and nothing is left
 * @throws TrackcastError what `open` throws, and TRACKCAST_INFERENCE_FAILED when the last provider opens the model
 * and fails to run it; with what other providers failed of
 */
export async function openWarmSam2(
  executionProviders: readonly string[],
  predictor: CameraPredictorOptions,
  open: (executionProviders: readonly string[]) => Promise<PlacedSam2Runtime>,
  signal?: AbortSignal,
): Promise<WarmSam2> {
  const refused: RefusedProvider[] = [];
  for (let untried = executionProviders; ; ) {
    let runtime: PlacedSam2Runtime | null = null;
    try {
      runtime = await open(untried);
      refused.push(...runtime.refusedProviders);
      await warmUp(runtime, predictor.policy.wantsCandidates, signal);
      return { runtime, refused };
    } catch (error) {
      await runtime?.dispose();
      const rest = runtime === null ? [] : untried.slice(untried.indexOf(runtime.provider) + 1);
      signal?.throwIfAborted();
      if (runtime === null || rest.length === 0) throw afterRefusals(error, refused);
      const reason = `opens the model and fails to run it: ${refusalReason(error)}`;
      refused.push({ provider: runtime.provider, reason });
      untried = rest;
    }
  }
}

/** The error that ends the search, with why the providers before were refused. */
function afterRefusals(error: unknown, refused: readonly RefusedProvider[]): unknown {
  if (!(error instanceof TrackcastError) || refused.length === 0) return error;
  const { code, message, place, cause } = error;
  const earlier = refused.map(describeRefusal).join('; ');
  return new TrackcastError(code, `${message} (refused before: ${earlier})`, place, { cause });
}
