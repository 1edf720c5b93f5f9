import { setImmediate } from 'node:timers/promises';
import type { MaskLogits } from '../mask/mask-logits.ts';
import { PictureResizer } from '../model/sam2/picture-resize.ts';
import type { Sam2Runtime } from '../model/sam2/sam2-runtime.ts';
import type { PromptShape } from '../prompting/prompt.ts';
import { checkPrompt } from '../tracker/prompted-mask.ts';
import { CameraPredictor, type CameraPredictorOptions } from '../tracker/sam2/camera-predictor.ts';
import type { AutomaticObjects } from './automatic-objects.ts';
import type { LogitsFolder, MaskChoice, ObjectRecord, RecordedResult } from './logits-folder.ts';
import { ObjectLives } from './object-lives.ts';
import type { PromptEntry } from './prompt-entry.ts';
import type { FramePrompts } from './prompt-schedule.ts';
import type { RecordedFrame, Recording } from './recording.ts';
import { named, type ReplayedFrame, type ReplayTracker } from './replay-tracker.ts';

export interface Sam2ReplayOptions {
  /** Belongs to the replay from now on. */
  readonly runtime: Sam2Runtime;
  readonly predictor: CameraPredictorOptions;
  /** Finds objects by itself; null for prompts alone. */
  readonly automatic: AutomaticObjects | null;
  /** Above those of all prompts. */
  readonly firstAutomaticId: number;
  /** Where raw results go; null for nowhere. Belongs to the replay from now on. */
  readonly logits: LogitsFolder | null;
}

/**
 * SAM 2 on a recording, frame by frame, as the published video predictor computes it: nothing depends on time, on
 * threads or on what else the machine does.
 */
export class Sam2Replay implements ReplayTracker {
  readonly #options: Sam2ReplayOptions;
  readonly #predictor: CameraPredictor;
  readonly #resizer: PictureResizer;
  readonly #pixels: Uint8Array;
  readonly #lives = new ObjectLives();
  /** What prompts that were given ahead came to, by frame. */
  readonly #ahead = new Map<number, Map<number, RecordedResult>>();
  /** Points of each object on the frame in hand, a box's corners included. */
  readonly #points = new Map<number, number>();
  #nextId: number;
  #segmentations = 0;

  constructor(options: Sam2ReplayOptions) {
    const { imageSize } = options.runtime.geometry;
    this.#options = options;
    this.#predictor = new CameraPredictor(options.runtime, options.predictor);
    this.#resizer = new PictureResizer(imageSize, imageSize);
    this.#pixels = new Uint8Array(imageSize * imageSize * 3);
    this.#nextId = options.firstAutomaticId;
  }

  get segmentations(): number {
    return this.#segmentations;
  }

  /** Reads the recording up to the last prompted frame. */
  async promptAhead(
    recording: Recording,
    schedule: ReadonlyMap<number, FramePrompts>,
    signal: AbortSignal,
  ): Promise<void> {
    const last = Math.max(-1, ...schedule.keys());
    for await (const frame of recording.frames()) {
      // Inference keeps the thread to itself: signals come through in between only.
      await setImmediate();
      if (signal.aborted) return;
      const prompts = schedule.get(frame.index);
      if (prompts !== undefined) {
        await this.#predictor.showAhead(frame.index, this.#resized(frame), frame.width, frame.height);
        this.#segmentations += 1;
        const results = new Map<number, RecordedResult>();
        await this.#applyAll(prompts.before, frame, results);
        this.#ahead.set(frame.index, results);
      }
      if (frame.index >= last) break;
    }
  }

  async process(frame: RecordedFrame, prompts: FramePrompts): Promise<ReplayedFrame> {
    const { index, width, height } = frame;
    const ahead = this.#ahead.get(index);
    await this.#predictor.show(index, this.#resized(frame), width, height);
    this.#segmentations += 1;
    const found = new Map(ahead);
    this.#ahead.delete(index);
    for (const entry of prompts.before) this.#noteLife(entry, frame);
    if (ahead === undefined) await this.#applyAll(prompts.before, frame, found);
    for (const [objectId, result] of await this.#predictor.track()) {
      found.set(objectId, { result, choice: 'multimask' });
    }
    const refined = new Map<number, RecordedResult>();
    await this.#applyAll(prompts.after, frame, refined);
    for (const entry of prompts.after) this.#noteLife(entry, frame);
    await this.#findNew(frame, found, refined);
    await this.#options.logits?.write(index, recordsOf(found, refined));
    const { maskSize } = this.#options.runtime.geometry;
    const shown = [...found, ...refined].map(([objectId, { result }]) => [objectId, result] as const);
    return { provenance: 'segmented', ...this.#lives.on(frame, new Map(shown), maskSize) };
  }

  async close(): Promise<void> {
    this.#predictor.dispose();
    try {
      await this.#options.logits?.close();
    } finally {
      await this.#options.runtime.dispose();
    }
  }

  /** At the size of the model's input; valid until the next frame. */
  #resized(frame: RecordedFrame): Uint8Array {
    this.#points.clear();
    return this.#resizer.resize(frame.pixels, frame.width, frame.height, this.#pixels);
  }

  /** Does what entries ask for, in order. */
  async #applyAll(
    entries: readonly PromptEntry[],
    frame: RecordedFrame,
    results: Map<number, RecordedResult>,
  ): Promise<void> {
    for (const entry of entries) {
      const { objectId, action } = entry;
      if (action.kind === 'remove') {
        this.#predictor.remove(objectId);
        results.delete(objectId);
      } else {
        const { shape, adds } = action;
        await named(entry, async () => {
          const { index, timestampNs, width, height } = frame;
          checkPrompt({ shape, objectId, author: 'person' }, { index, timestampNs, width, height }, 'replay');
          results.set(objectId, await this.#prompt(objectId, shape, adds));
        });
      }
    }
  }

  async #prompt(objectId: number, shape: PromptShape, adds: boolean): Promise<RecordedResult> {
    const result = await this.#predictor.prompt(objectId, shape, { keepsEarlierPoints: adds });
    const points = pointsOf(shape) + (adds ? (this.#points.get(objectId) ?? 0) : 0);
    this.#points.set(objectId, points);
    const choice: MaskChoice = shape.kind === 'mask' ? 'given' : points > 1 ? 'single' : 'multimask';
    return { result, choice };
  }

  #noteLife({ objectId, action }: PromptEntry, { index }: RecordedFrame): void {
    if (action.kind === 'remove') {
      this.#lives.end(objectId);
      return;
    }
    const { label } = action;
    if (!this.#lives.has(objectId)) {
      this.#lives.begin({ objectId, label, author: 'person', firstFrame: index });
    } else if (label !== null) this.#lives.rename(objectId, label);
  }

  /** Lets new objects be found, and conditions them by their clicks. */
  async #findNew(
    frame: RecordedFrame,
    found: Map<number, RecordedResult>,
    refined: ReadonlyMap<number, RecordedResult>,
  ): Promise<void> {
    const { automatic, runtime } = this.#options;
    if (automatic === null) return;
    const { imageSize: side, maskSize } = runtime.geometry;
    const grid = { width: maskSize, height: maskSize, spanX: maskSize, spanY: maskSize };
    const live: MaskLogits[] = [];
    for (const [objectId, recorded] of found) {
      const { result } = refined.get(objectId) ?? recorded;
      if (this.#lives.has(objectId) && result.objectScore > 0)
        live.push({ ...grid, data: result.lowResMask });
    }
    const picture = { source: frame, pixels: this.#pixels, side, live };
    const propose = (points: Float32Array) => this.#predictor.propose(points);
    for (const [x, y] of await automatic.find(frame.index, picture, this.#lives.size, propose)) {
      const objectId = this.#nextId++;
      const shape: PromptShape = { kind: 'points', points: [{ x, y, positive: true }] };
      found.set(objectId, await this.#prompt(objectId, shape, false));
      this.#lives.begin({ objectId, label: null, author: 'strategy', firstFrame: frame.index });
    }
  }
}

function recordsOf(
  found: ReadonlyMap<number, RecordedResult>,
  refined: ReadonlyMap<number, RecordedResult>,
): ObjectRecord[] {
  return Array.from(found, ([objectId, result]) => ({
    objectId,
    found: result,
    refined: refined.get(objectId) ?? null,
  }));
}

/** Points that the prompt encoder is given for a shape. */
function pointsOf(shape: PromptShape): number {
  if (shape.kind === 'mask') return 0;
  const clicks = shape.kind === 'points' ? shape.points.length : 0;
  return clicks + (shape.box === undefined ? 0 : 2);
}
