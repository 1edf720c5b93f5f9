import { TrackcastError } from '../errors.ts';
import type { ObjectChange } from '../prompting/object-change.ts';
import type { Prompt } from '../prompting/prompt.ts';
import type { StreamControl, StreamStatus } from '../server/stream-control.ts';

/** Control of streams from before there is a pipeline: until then there are none. */
export class LateStreamControl implements StreamControl {
  #control: StreamControl | null = null;

  /** From now on that control answers. */
  follow(control: StreamControl): void {
    this.#control = control;
  }

  list(): readonly StreamStatus[] {
    return this.#control?.list() ?? [];
  }

  async prompt(streamId: string, prompt: Prompt): Promise<{ readonly objectId: number }> {
    return this.#require(streamId).prompt(streamId, prompt);
  }

  async remove(streamId: string, objectId: number): Promise<void> {
    return this.#require(streamId).remove(streamId, objectId);
  }

  async change(streamId: string, objectId: number, change: ObjectChange): Promise<void> {
    return this.#require(streamId).change(streamId, objectId, change);
  }

  async reset(streamId: string): Promise<void> {
    return this.#require(streamId).reset(streamId);
  }

  #require(streamId: string): StreamControl {
    if (this.#control !== null) return this.#control;
    throw new TrackcastError('TRACKCAST_STREAM_UNKNOWN', `no stream ${streamId} is open`, { streamId });
  }
}
