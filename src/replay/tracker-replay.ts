import { AV_PIX_FMT_RGB24 } from 'node-av/constants';
import type { Frame as Picture } from 'node-av/lib';
import { type Frame, fitPixels, type PixelGeometry } from '../buffer/frame.ts';
import { PictureConverter } from '../ingest/h264-picture-converter.ts';
import { allocatePicture } from '../ingest/picture-scaler.ts';
import type { Prompt } from '../prompting/prompt.ts';
import { checkPrompt } from '../tracker/prompted-mask.ts';
import type { TrackedStream, VideoTracker } from '../tracker/video-tracker.ts';
import { invalidPrompt, type PromptEntry } from './prompt-entry.ts';
import type { FramePrompts } from './prompt-schedule.ts';
import type { RecordedFrame } from './recording.ts';
import { named, type ReplayedFrame, type ReplayTracker } from './replay-tracker.ts';

/** Long side of the luma plane on which motion is measured, as in live streams. */
const lumaLongSide = 512;

const noVectors = new Int16Array(0);

export interface TrackerReplayOptions {
  /** Waits for its own results. Belongs to the replay from now on. */
  readonly tracker: VideoTracker;
  readonly geometry: PixelGeometry;
  /** Above those of all prompts. */
  readonly firstAutomaticId: number;
}

/**
 * A tracker of live streams on a recording, with prompts at their frames. Motion is measured on the pictures: a
 * recording need not have a codec. The tracker gives ids of its own, so that objects that it finds by itself cannot
 * take those of prompts to come; here they are translated.
 */
export class TrackerReplay implements ReplayTracker {
  readonly #options: TrackerReplayOptions;
  readonly #stream: TrackedStream;
  readonly #converter: PictureConverter;
  /** Ids as the file has them, by the tracker's. */
  readonly #ids = new Map<number, number>();
  #nextId: number;
  #picture: Picture | null = null;
  #slot = { pixels: new Uint8Array(0), luma: new Uint8Array(lumaLongSide ** 2) };

  constructor(options: TrackerReplayOptions) {
    this.#options = options;
    this.#stream = options.tracker.openStream({ streamId: 'replay' });
    this.#converter = new PictureConverter({ geometry: options.geometry, lumaLongSide });
    this.#nextId = options.firstAutomaticId;
  }

  get segmentations(): number {
    return this.#stream.counters().segmentations;
  }

  async process(recorded: RecordedFrame, { before, after }: FramePrompts): Promise<ReplayedFrame> {
    const frame = this.#frameOf(recorded);
    const prompts: Prompt[] = [];
    for (const entry of before) {
      await named(entry, () => {
        if (entry.action.kind === 'remove') this.#stream.remove(this.#ownId(entry.objectId));
        else prompts.push(this.#promptOf(entry, frame));
      });
    }
    const { provenance, tracks, events } = await this.#stream.processFrame(frame, prompts);
    for (const entry of after) {
      await named(entry, async () => {
        if (entry.action.kind === 'remove') this.#stream.remove(this.#ownId(entry.objectId));
        else await this.#stream.prompt(this.#promptOf(entry, frame));
      });
    }
    return {
      provenance,
      tracks: tracks.map((track) => ({ ...track, id: this.#translated(track.id) })),
      events: events.map((event) => ({ ...event, trackId: this.#translated(event.trackId) })),
    };
  }

  async close(): Promise<void> {
    await this.#stream.close();
    this.#converter[Symbol.dispose]();
    this.#picture?.free();
    await this.#options.tracker.dispose();
  }

  #promptOf({ objectId, action }: PromptEntry, frame: Frame): Prompt {
    if (action.kind !== 'show') throw new Error('a removal is no prompt');
    const { shape, label, adds } = action;
    if (adds) throw invalidPrompt('only sam2_video adds points to earlier ones');
    const prompt: Prompt = { shape, author: 'person', ...(label === null ? {} : { label }) };
    checkPrompt(prompt, frame, 'replay');
    return { ...prompt, objectId: this.#ownId(objectId) };
  }

  /** The tracker's id of an object of the file; a new one where it has none yet. */
  #ownId(objectId: number): number {
    for (const [own, id] of this.#ids) if (id === objectId) return own;
    const own = Math.max(
      this.#stream.snapshot().nextTrackId,
      ...[...this.#ids.keys()].map((known) => known + 1),
    );
    this.#ids.set(own, objectId);
    return own;
  }

  /** The id that is told; an object that the tracker found by itself gets the next free one. */
  #translated(trackId: number): number {
    const known = this.#ids.get(trackId);
    if (known !== undefined) return known;
    const id = this.#nextId++;
    this.#ids.set(trackId, id);
    return id;
  }

  #frameOf(recorded: RecordedFrame): Frame {
    const { width, height, pixels, ...info } = recorded;
    const size = fitPixels(this.#options.geometry, width, height);
    if (this.#slot.pixels.length !== size.width * size.height * 3) {
      this.#slot = { ...this.#slot, pixels: new Uint8Array(size.width * size.height * 3) };
    }
    const write = { ...this.#slot, motionVectors: noVectors, commit: () => {}, abandon: () => {} };
    const converted = this.#converter.convert(this.#pictureOf(recorded), write);
    const { pixelSize, lumaWidth, lumaHeight } = converted;
    return {
      ...info,
      streamId: 'replay',
      width,
      height,
      chunkSequence: recorded.index,
      unitInChunk: 0,
      receivedAtMs: 0,
      decodedAtMs: 0,
      pixelSize,
      pixels: this.#slot.pixels,
      lumaWidth,
      lumaHeight,
      luma: this.#slot.luma,
      motionVectors: noVectors,
    };
  }

  #pictureOf({ width, height, pixels }: RecordedFrame): Picture {
    let picture = this.#picture;
    if (picture === null || picture.width !== width || picture.height !== height) {
      picture?.free();
      picture = allocatePicture(width, height, AV_PIX_FMT_RGB24);
      this.#picture = picture;
    }
    const plane = picture.data?.[0];
    const stride = picture.linesize[0] ?? 0;
    for (let row = 0; row < height; row++) {
      plane?.set(pixels.subarray(row * width * 3, (row + 1) * width * 3), row * stride);
    }
    return picture;
  }
}
