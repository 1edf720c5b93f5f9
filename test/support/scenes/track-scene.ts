import type { PixelGeometry } from '../../../src/buffer/frame.ts';
import { runHarness } from '../../../src/evaluation/harness.ts';
import { decodeFrames } from '../../../src/evaluation/sequence-video.ts';
import { decodeRunLength, runLengthBox } from '../../../src/mask/run-length.ts';
import type { Prompt } from '../../../src/prompting/prompt.ts';
import type { PromptStrategyName } from '../../../src/prompting/prompt-strategy.ts';
import type {
  SegmentationLane,
  SegmentationRequest,
  SegmentationResult,
  Segmenter,
} from '../../../src/tracker/segmentation.ts';
import { TimedLane } from '../../../src/tracker/timed-lane.ts';
import type { TrackFrame } from '../../../src/tracker/track.ts';
import { createTracker } from '../../../src/tracker/tracker-factory.ts';
import type { TrackerCounters } from '../../../src/tracker/video-tracker.ts';
import { VirtualClock } from '../../../src/tracker/virtual-clock.ts';
import { embeddedGeometry } from '../../../src/tracking-plan.ts';
import { sceneSize } from './scene.ts';
import type { SceneClip } from './scene-clip.ts';

export interface SceneSettings {
  /** The model; it serves many scenes and stays open. */
  readonly segmenter: Segmenter;
  /** How objects are found without a person. */
  readonly strategy: PromptStrategyName;
  /** Whether a person shows each object on the first frame: a click and a box, since a click alone may mean a part. */
  readonly shown: boolean;
  /** Size at which the model sees pictures. Default that of the embedded model. */
  readonly geometry?: PixelGeometry;
}

/** A look of the model: what it was asked and what it answered. */
export interface SceneLook {
  readonly frameIndex: number;
  /** Points tried for new objects, x, y pairs in parts of the picture. */
  readonly gridPoints: Float32Array;
  /** Objects that were looked for, and with what score they were found; null for those that were not. */
  readonly found: ReadonlyMap<number, number | null>;
}

/** What came out of a scene. */
export interface TrackedScene {
  /** One for each frame. */
  readonly tracked: readonly TrackFrame[];
  readonly looks: readonly SceneLook[];
  readonly counters: TrackerCounters;
}

/**
 * Tracks a scene with everything but the sockets: the decoder, the ring, motion from the codec's vectors, the model.
 * Looks of the model take a set time on a virtual clock, so the result is the same on every machine.
 */
export async function trackScene(clip: SceneClip, settings: SceneSettings): Promise<TrackedScene> {
  const { scene, video } = clip;
  const { segmenter, strategy, shown, geometry = embeddedGeometry } = settings;
  const clock = new VirtualClock();
  const lane = new RecordingLane(segmenter, clock, scene.segmentationMs ?? 400);
  const tracker = await createTracker({
    kind: 'mobile_sam',
    timing: { mode: 'lane', lane, waitsForSegmentation: false },
    settings: {
      strategy,
      repromptIntervalFrames: scene.repromptIntervalFrames ?? 30,
      maxObjects: 50,
      maxSegmentationsPerSecond: 15,
    },
    models: { executionProviders: ['cpu'], intraOpThreads: 1 },
  });
  try {
    const streamId = scene.name.replaceAll(/[^A-Za-z0-9._-]+/g, '.');
    const { tracked, counters } = await runHarness({
      tracker,
      streamId,
      frames: decodeFrames(video, streamId, geometry),
      prompts: new Map([[0, shown ? promptsFor(clip) : []]]),
      framesPerSecond: video.framesPerSecond,
      clock,
    });
    return { tracked, counters, looks: lane.looks };
  } finally {
    await tracker.dispose();
  }
}

/** A click in a box for each object that is seen on the first frame; tracks get the ids of the objects. */
function promptsFor({ truth }: SceneClip): Prompt[] {
  return (truth.frames[0] ?? []).flatMap(({ id, mask }): Prompt[] => {
    if (mask === null) return [];
    const { x, y } = innermost(decodeRunLength(mask), sceneSize.width, sceneSize.height);
    const points = [{ x: x + 0.5, y: y + 0.5, positive: true }];
    const box = runLengthBox(mask) ?? { x, y, width: 1, height: 1 };
    return [{ shape: { kind: 'points', points, box }, objectId: id, author: 'person' }];
  });
}

/** The pixel of a mask that is farthest from its contour, by steps to the four sides. */
function innermost(mask: Uint8Array, width: number, height: number): { x: number; y: number } {
  const steps = new Uint16Array(mask.length);
  const neighbour = (x: number, y: number) =>
    x < 0 || y < 0 || x >= width || y >= height ? 0 : (steps[y * width + x] ?? 0);
  for (let at = 0; at < mask.length; at++) {
    const [x, y] = [at % width, Math.floor(at / width)];
    if (mask[at] !== 0) steps[at] = 1 + Math.min(neighbour(x - 1, y), neighbour(x, y - 1));
  }
  let best = 0;
  for (let at = mask.length - 1; at >= 0; at--) {
    const [x, y] = [at % width, Math.floor(at / width)];
    const own = steps[at] ?? 0;
    steps[at] = Math.min(own, 1 + Math.min(neighbour(x + 1, y), neighbour(x, y + 1)));
    if ((steps[at] ?? 0) > (steps[best] ?? 0)) best = at;
  }
  return { x: best % width, y: Math.floor(best / width) };
}

/** Passes requests on to a timed lane and notes them. The segmenter outlives it. */
class RecordingLane implements SegmentationLane {
  readonly looks: SceneLook[] = [];
  readonly #lane: TimedLane;

  constructor(segmenter: Segmenter, clock: VirtualClock, durationMs: number) {
    const noting: Segmenter = {
      segment: async (request) => {
        const result = await segmenter.segment(request);
        this.#note(request, result);
        return result;
      },
      closeStream: (streamId) => segmenter.closeStream(streamId),
      dispose: async () => {},
    };
    this.#lane = new TimedLane(noting, { kind: 'virtual', clock, durationMs });
  }

  canStart(streamId: string): boolean {
    return this.#lane.canStart(streamId);
  }

  start(request: SegmentationRequest): Promise<void> {
    return this.#lane.start(request);
  }

  take(streamId: string): ReturnType<TimedLane['take']> {
    return this.#lane.take(streamId);
  }

  finished(): Promise<void> {
    return this.#lane.finished();
  }

  closeStream(streamId: string): void {
    this.#lane.closeStream(streamId);
  }

  dispose(): Promise<void> {
    return this.#lane.dispose();
  }

  #note({ frameIndex, gridPoints }: SegmentationRequest, { objects }: SegmentationResult): void {
    const found = new Map<number, number | null>();
    for (const { objectId, logits, score } of objects) found.set(objectId, logits === null ? null : score);
    this.looks.push({ frameIndex, gridPoints: gridPoints.slice(), found });
  }
}
