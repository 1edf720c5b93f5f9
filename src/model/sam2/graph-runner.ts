import { setImmediate } from 'node:timers/promises';
import type { InferenceSession } from 'onnxruntime-node';
import { TrackcastError } from '../../errors.ts';
import type { GraphName } from './graph-cache.ts';
import { releaseSessions } from './sam2-sessions.ts';

/** Runs the open graphs of a model, and lets go of them. */
export class GraphRunner {
  readonly #sessions: ReadonlyMap<GraphName, InferenceSession>;
  readonly #signal: AbortSignal | undefined;
  #isDisposed = false;

  /**
   * @param sessions belong to the runner from now on
   * @param signal asks to run nothing any more; a run under way ends as it would
   */
  constructor(sessions: ReadonlyMap<GraphName, InferenceSession>, signal?: AbortSignal) {
    this.#sessions = sessions;
    this.#signal = signal;
  }

  /** The caller disposes of the outputs. Throws `TRACKCAST_INFERENCE_FAILED`, and the signal's reason. */
  async run(name: GraphName, feeds: InferenceSession.FeedsType): Promise<InferenceSession.ReturnType> {
    const session = this.#sessions.get(name);
    if (session === undefined) throw new Error(`the graph ${name} is not open`);
    if (this.#signal !== undefined) {
      // Runs keep the thread to themselves: what asks to stop comes through between them.
      await setImmediate();
      this.#signal.throwIfAborted();
    }
    try {
      return await session.run(feeds);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message.split('\n', 1)[0] : String(cause);
      throw new TrackcastError('TRACKCAST_INFERENCE_FAILED', `${name} failed: ${reason}`, {}, { cause });
    }
  }

  /** May be called more than once. */
  async dispose(): Promise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    await releaseSessions(this.#sessions);
  }
}
