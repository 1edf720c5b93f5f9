import type { InferenceSession } from 'onnxruntime-node';
import { TrackcastError } from '../../errors.ts';
import {
  type ExecutionProvider,
  firstLine,
  openOnProvider,
  parseExecutionProviders,
  type RefusedProvider,
} from '../runtime.ts';
import type { GraphName } from './graph-cache.ts';

/** Outputs of the image encoder that the other graphs read on the same device. */
const deviceOutputs: Partial<Record<GraphName, readonly string[]>> = {
  image_encoder: ['features', 'high_res_0', 'high_res_1', 'attention_start'],
  memory_attention: ['conditioned'],
};

export interface Sam2SessionOptions {
  /** Tried in this order; the first that can run every graph runs them all. */
  readonly executionProviders: readonly string[];
  readonly deviceId?: number;
  readonly intraOpThreads: number;
}

/** The open graphs of a model, all on one device: values pass between them without leaving it. */
export interface Sam2Sessions {
  readonly provider: ExecutionProvider;
  readonly refused: readonly RefusedProvider[];
  readonly sessions: ReadonlyMap<GraphName, InferenceSession>;
}

/**
 * Opens graphs on the first execution provider that can run all of them. Blocks its thread.
 *
 * Throws `TRACKCAST_MODEL_INVALID` when none can, naming each reason; `TRACKCAST_CONFIG_INVALID` for unknown
 * providers.
 */
export async function openSessions(
  graphs: ReadonlyMap<GraphName, string>,
  options: Sam2SessionOptions,
): Promise<Sam2Sessions> {
  const refused: RefusedProvider[] = [];
  let cause: unknown;
  for (const provider of parseExecutionProviders(options.executionProviders)) {
    const sessions = new Map<GraphName, InferenceSession>();
    try {
      for (const [name, path] of graphs) {
        const kept = deviceOutputs[name];
        sessions.set(
          name,
          await openOnProvider(path, provider, {
            intraOpThreads: options.intraOpThreads,
            ...(options.deviceId === undefined ? {} : { deviceId: options.deviceId }),
            ...(kept === undefined ? {} : { deviceOutputs: kept }),
          }),
        );
      }
      return { provider, refused, sessions };
    } catch (error) {
      await releaseSessions(sessions);
      cause = error;
      refused.push({ provider, reason: firstLine(error) });
    }
  }
  const reasons = refused.map(({ provider, reason }) => `${provider}: ${reason}`).join('; ');
  throw new TrackcastError(
    'TRACKCAST_MODEL_INVALID',
    `no execution provider can run the model (${reasons})`,
    { key: 'EXECUTION_PROVIDERS' },
    { cause },
  );
}

export async function releaseSessions(sessions: ReadonlyMap<GraphName, InferenceSession>): Promise<void> {
  for (const session of sessions.values()) await session.release();
}
