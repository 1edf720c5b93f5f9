import { setImmediate } from 'node:timers/promises';
import type { InferenceSession } from 'onnxruntime-node';
import type { GraphTarget } from '../graph/graph-builder.ts';
import { declareValue, GraphEditor } from '../graph/graph-editor.ts';
import { elementType } from '../graph/onnx-format.ts';
import {
  type ExecutionProvider,
  noProvider,
  openOnProvider,
  parseExecutionProviders,
  type RefusedProvider,
  refusalReason,
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
  /** Asks to give up, which happens before the next graph is built or opened, and later before the next run. */
  readonly signal?: AbortSignal | undefined;
}

/** The open graphs of a model, all on one device: values pass between them without leaving it. */
export interface Sam2Sessions {
  readonly provider: ExecutionProvider;
  readonly refused: readonly RefusedProvider[];
  readonly sessions: ReadonlyMap<GraphName, InferenceSession>;
  /** Asks to run none of them any more. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens graphs on the first execution provider that can run all of them. Blocks its thread.
 *
 * @param graphsFor paths of the graphs that are built for a provider; called only for one that is there
 * @throws TrackcastError TRACKCAST_MODEL_INVALID or TRACKCAST_PROVIDER_UNAVAILABLE when no provider can, naming each
 * reason; TRACKCAST_CONFIG_INVALID for unknown providers; what `graphsFor` throws; the signal's reason when it is asked to give up
 */
export async function openSessions(
  graphsFor: (target: GraphTarget) => Promise<ReadonlyMap<GraphName, string>>,
  options: Sam2SessionOptions,
): Promise<Sam2Sessions> {
  const refused: RefusedProvider[] = [];
  let cause: unknown;
  for (const provider of parseExecutionProviders(options.executionProviders)) {
    try {
      await tryProvider(provider, options);
    } catch (error) {
      cause = error;
      refused.push({ provider, reason: refusalReason(error) });
      continue;
    }
    options.signal?.throwIfAborted();
    const graphs = await graphsFor(provider);
    try {
      const sessions = await openOn(provider, graphs, options);
      return { provider, refused, sessions, signal: options.signal };
    } catch (error) {
      options.signal?.throwIfAborted();
      cause = error;
      refused.push({ provider, reason: refusalReason(error) });
    }
  }
  throw noProvider(refused, 'SAM2_MODEL', cause);
}

/** Opens next to nothing on a provider, so that graphs are not built for one that is not there. */
async function tryProvider(provider: ExecutionProvider, options: Sam2SessionOptions): Promise<void> {
  if (provider === 'cpu') return;
  const editor = GraphEditor.create('nothing', 20);
  const shape = [1];
  editor.add('Identity', ['in'], {}, 'out');
  editor.setInputs([declareValue('in', elementType.float32, shape)]);
  editor.setOutputs([declareValue('out', elementType.float32, shape)]);
  const session = await openOnProvider(editor.finish(), provider, options);
  await session.release();
}

async function openOn(
  provider: ExecutionProvider,
  graphs: ReadonlyMap<GraphName, string>,
  options: Sam2SessionOptions,
): Promise<ReadonlyMap<GraphName, InferenceSession>> {
  const sessions = new Map<GraphName, InferenceSession>();
  try {
    for (const [name, path] of graphs) {
      // Opening keeps the thread to itself: what asks to give up comes through now.
      await setImmediate();
      options.signal?.throwIfAborted();
      const kept = deviceOutputs[name];
      const settings = { ...options, ...(kept === undefined ? {} : { deviceOutputs: kept }) };
      sessions.set(name, await openOnProvider(path, provider, settings));
    }
    return sessions;
  } catch (error) {
    await releaseSessions(sessions);
    throw error;
  }
}

export async function releaseSessions(sessions: ReadonlyMap<GraphName, InferenceSession>): Promise<void> {
  for (const session of sessions.values()) await session.release();
}
