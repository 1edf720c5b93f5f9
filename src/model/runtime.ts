import { env, InferenceSession } from 'onnxruntime-node';
import { TrackcastError } from '../errors.ts';

/** Execution providers of ONNX Runtime that the program knows how to ask for. */
export const executionProviders = ['cuda', 'webgpu', 'cpu'] as const;
export type ExecutionProvider = (typeof executionProviders)[number];

// Failures are thrown; ONNX Runtime would also print each missing provider to stderr.
env.logLevel = 'fatal';

/** A provider that was asked for first and could not run the model. */
export interface RefusedProvider {
  readonly provider: ExecutionProvider;
  /** One line, for a log. */
  readonly reason: string;
}

export interface SessionOptions {
  /** For error messages, such as `mobile-sam encoder`. */
  readonly name: string;
  /** Tried in this order; the first that can open the model runs it. */
  readonly executionProviders: readonly ExecutionProvider[];
  /** Threads for the operators of one run; only the CPU provider uses them. */
  readonly intraOpThreads: number;
  /** Which device of several CUDA uses. WebGPU chooses for itself, the quickest it finds. */
  readonly deviceId?: number;
  /** Outputs that stay on the device where the provider can hold them there (WebGPU); others come to the host. */
  readonly deviceOutputs?: readonly string[];
}

export interface OpenedSession {
  readonly session: InferenceSession;
  readonly provider: ExecutionProvider;
  readonly refused: readonly RefusedProvider[];
}

/**
 * Opens a model on one execution provider. Blocks its thread: call it in a worker. Throws whatever ONNX Runtime
 * throws.
 *
 * @param model the bytes of a file, or its path, which external weights need
 */
export function openOnProvider(
  model: Uint8Array | string,
  provider: ExecutionProvider,
  options: Omit<SessionOptions, 'executionProviders' | 'name'>,
): Promise<InferenceSession> {
  const { deviceId, deviceOutputs = [] } = options;
  const settings: InferenceSession.SessionOptions = {
    executionProviders: [
      // WebGPU refuses options that it does not know.
      deviceId === undefined || provider !== 'cuda' ? provider : { name: provider, deviceId },
    ],
    graphOptimizationLevel: 'all',
    intraOpNumThreads: options.intraOpThreads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    // Planned memory suits fixed shapes; with ours, plans for every shape seen would pile up.
    enableMemPattern: false,
    logSeverityLevel: 3,
    // Waiting threads that spin take the processor from decoding and from other sessions.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
    ...(provider === 'webgpu' && deviceOutputs.length > 0
      ? { preferredOutputLocation: Object.fromEntries(deviceOutputs.map((name) => [name, 'gpu-buffer'])) }
      : {}),
  };
  return typeof model === 'string'
    ? InferenceSession.create(model, settings)
    : InferenceSession.create(model, settings);
}

/**
 * Opens a model with the first execution provider that can. Providers are tried one by one because ONNX Runtime
 * throws, rather than falls back, when one of a list is missing. Blocks its thread: call it in a worker.
 *
 * Throws `TRACKCAST_MODEL_INVALID` or `TRACKCAST_PROVIDER_UNAVAILABLE` when none can, naming each reason.
 */
export async function createSession(bytes: Uint8Array, options: SessionOptions): Promise<OpenedSession> {
  const refused: RefusedProvider[] = [];
  let cause: unknown;
  for (const provider of options.executionProviders) {
    try {
      const session = await openOnProvider(bytes, provider, options);
      return { session, provider, refused };
    } catch (error) {
      cause = error;
      refused.push({ provider, reason: refusalReason(error) });
    }
  }
  throw noProvider(refused, options.name, cause);
}

/**
 * The error when every provider has refused a model. The CPU is always there: where it was tried, the model is at
 * fault (`TRACKCAST_MODEL_INVALID`), otherwise the machine (`TRACKCAST_PROVIDER_UNAVAILABLE`).
 *
 * @param model what could not be opened, for its place
 */
export function noProvider(
  refused: readonly RefusedProvider[],
  model: string,
  cause: unknown,
): TrackcastError {
  const reasons = refused.map(describeRefusal).join('; ');
  const message = `no execution provider can run the model (${reasons || 'none was asked for'})`;
  return refused.some(({ provider }) => provider === 'cpu')
    ? new TrackcastError('TRACKCAST_MODEL_INVALID', message, { key: model }, { cause })
    : new TrackcastError(
        'TRACKCAST_PROVIDER_UNAVAILABLE',
        message,
        { key: 'EXECUTION_PROVIDERS' },
        { cause },
      );
}

/** Reads a configured list. Throws `TRACKCAST_CONFIG_INVALID` for an unknown name or an empty list. */
export function parseExecutionProviders(names: readonly string[]): ExecutionProvider[] {
  const known = (name: string): name is ExecutionProvider => executionProviders.some((each) => each === name);
  const invalid = (message: string) =>
    new TrackcastError('TRACKCAST_CONFIG_INVALID', message, { key: 'EXECUTION_PROVIDERS' });
  if (names.length === 0) throw invalid('at least one execution provider is needed');
  return names.map((name) => {
    if (known(name)) return name;
    throw invalid(`'${name}' is not one of ${executionProviders.join(', ')}`);
  });
}

/** Why ONNX Runtime refused a provider, in one line for a log. */
export function refusalReason(error: unknown): string {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n', 1);
  // A failed assertion tells where in its sources it is and what it asserts, before what was wrong.
  return line.replace(/^\/\S+:\d+ .* was false\. /, '').slice(0, 300);
}

/** A refused provider in one line, for people. */
export function describeRefusal({
  provider,
  reason,
}: {
  readonly provider: string;
  readonly reason: string;
}): string {
  return `${provider}: ${reason}`;
}
