import type { ObjectChange } from '../prompting/object-change.ts';
import type { Prompt } from '../prompting/prompt.ts';
import type { PipelineMetrics } from '../publish/metrics.ts';
import type { StreamControl, StreamStatus } from '../server/stream-control.ts';
import type { StreamLives } from './stream-lives.ts';

/** What people ask of open streams, passed on to the thread that tracks them. */
export class SessionControl implements StreamControl {
  readonly #lives: StreamLives;
  readonly #metrics: PipelineMetrics;

  constructor(lives: StreamLives, metrics: PipelineMetrics) {
    this.#lives = lives;
    this.#metrics = metrics;
  }

  list(): readonly StreamStatus[] {
    const statuses: StreamStatus[] = [];
    for (const { streamId, state, size, memory } of this.#lives.all()) {
      const activity = this.#metrics.activity(streamId);
      if (activity === undefined || state === 'ended') continue;
      statuses.push({ id: streamId, epoch: memory.epoch, state, size, ...activity });
    }
    return statuses;
  }

  async prompt(streamId: string, prompt: Prompt): Promise<{ readonly objectId: number }> {
    const objectId = await this.#lives.workers.tracking.prompt(streamId, prompt);
    // The stream may end before a frame shows the object.
    this.#lives.get(streamId)?.trackIdGiven(objectId);
    return { objectId };
  }

  remove(streamId: string, objectId: number): Promise<void> {
    return this.#lives.workers.tracking.remove(streamId, objectId);
  }

  change(streamId: string, objectId: number, change: ObjectChange): Promise<void> {
    return this.#lives.workers.tracking.change(streamId, objectId, change);
  }

  reset(streamId: string): Promise<void> {
    return this.#lives.workers.tracking.reset(streamId);
  }
}
