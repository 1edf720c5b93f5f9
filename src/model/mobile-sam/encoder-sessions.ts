import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { createSession, type ExecutionProvider } from '../runtime.ts';
import { buildEncoderGraph } from './encoder-graph.ts';

/** An encoder for pictures of one size, with the memory its input is copied into. */
export interface EncoderSession {
  readonly session: InferenceSession;
  /** [height, width, 3] bytes, reused by every run. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  readonly pixelTensor: Tensor;
}

/** Sessions kept at most: each holds the weights and the activations of its size. */
const maxSessions = 4;

/** Encoder sessions by picture size, opened when first needed; the least recently used one gives way. */
export class EncoderSessions {
  readonly #file: Uint8Array;
  readonly #providers: readonly ExecutionProvider[];
  readonly #intraOpThreads: number;
  /** Insertion order is order of use. */
  readonly #sessions = new Map<string, EncoderSession>();

  constructor(file: Uint8Array, providers: readonly ExecutionProvider[], intraOpThreads: number) {
    this.#file = file;
    this.#providers = providers;
    this.#intraOpThreads = intraOpThreads;
  }

  /** The session for one size. Calls must not overlap, nor a call and the use of an earlier call's session. */
  async take(width: number, height: number): Promise<EncoderSession> {
    const key = `${width}x${height}`;
    const known = this.#sessions.get(key);
    if (known) {
      this.#sessions.delete(key);
      this.#sessions.set(key, known);
      return known;
    }
    const graph = buildEncoderGraph(this.#file, width, height);
    for (const [oldest, { session }] of this.#sessions) {
      if (this.#sessions.size < maxSessions) break;
      this.#sessions.delete(oldest);
      await session.release();
    }
    const { session } = await createSession(graph, {
      name: `mobile-sam encoder ${key}`,
      executionProviders: this.#providers,
      intraOpThreads: this.#intraOpThreads,
    });
    const pixels = new Uint8Array(width * height * 3);
    const pixelTensor = new Tensor('uint8', pixels, [height, width, 3]);
    const opened: EncoderSession = { session, pixels, pixelTensor };
    this.#sessions.set(key, opened);
    return opened;
  }

  /** Releases all sessions. */
  async release(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const { session } of sessions) await session.release();
  }
}
