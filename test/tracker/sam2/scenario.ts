import { encodeRunLength } from '../../../src/mask/run-length.ts';
import type { Sam2Runtime } from '../../../src/model/sam2/sam2-runtime.ts';
import type { PromptShape } from '../../../src/prompting/prompt.ts';
import {
  CameraPredictor,
  type CameraPredictorOptions,
  type ObjectResult,
} from '../../../src/tracker/sam2/camera-predictor.ts';
import { recentMemoryPolicy } from '../../../src/tracker/sam2/recent-memory-policy.ts';
import { type GoldenEntry, goldenEntry, readGolden } from '../../model/sam2/golden.ts';

/** A prompt as the golden index tells of it, without the pixels of masks. */
export interface GoldenPrompt {
  readonly frame: number;
  readonly obj: number;
  readonly type: 'points' | 'box' | 'mask';
  readonly points?: readonly (readonly [number, number])[];
  readonly labels?: readonly number[];
  readonly box?: readonly [number, number, number, number];
  readonly when?: string;
}

/** What an object attended to, as the golden index tells of it. */
export interface GoldenTrace {
  readonly mem: readonly (readonly [frame: number, row: number])[];
  readonly ptr: readonly (readonly [frame: number, time: number])[];
}

/** What the published model decided. */
export interface GoldenDecision {
  readonly best: number | null;
  readonly score: number;
  readonly area: number;
}

/** A scenario of the golden index, played through the published video predictor. */
export interface Scenario {
  readonly name: string;
  readonly prompts: readonly GoldenPrompt[];
  readonly traces: Readonly<Record<string, GoldenTrace>>;
  readonly decisions: Readonly<Record<string, GoldenDecision>>;
  readonly entry: GoldenEntry;
  readonly frames: number;
  readonly options: CameraPredictorOptions;
}

/** Switches of the published predictor as they are set by default. */
export const publishedOptions: CameraPredictorOptions = {
  policy: recentMemoryPolicy,
  maxConditioningFrames: Number.POSITIVE_INFINITY,
  correctionsCondition: false,
  pointerTimeSpan: 15,
  holeArea: 0,
};

export function readScenario(name: string, frames = 24): Scenario {
  const entry = goldenEntry(name);
  const overrides = (entry['model_overrides'] ?? {}) as Readonly<Record<string, unknown>>;
  return {
    name,
    entry,
    frames,
    prompts: entry['prompts'] as GoldenPrompt[],
    traces: entry['memory_trace'] as Readonly<Record<string, GoldenTrace>>,
    decisions: entry['decisions'] as Readonly<Record<string, GoldenDecision>>,
    options: {
      ...publishedOptions,
      correctionsCondition: overrides['add_all_frames_to_correct_as_cond'] === true,
      pointerTimeSpan: Math.min(frames, 16) - 1,
    },
  };
}

/** A prompt of the index as the predictor takes it. Masks are the one of the golden video. */
export function shapeOf(prompt: GoldenPrompt): PromptShape {
  if (prompt.type === 'mask') {
    const { data, shape } = readGolden('video').get('mask_obj3_frame0');
    const [height, width] = shape as [number, number];
    return { kind: 'mask', mask: encodeRunLength(Uint8Array.from(data), width, height) };
  }
  if (prompt.box !== undefined) {
    const [left, top, right, bottom] = prompt.box;
    return { kind: 'box', box: { x: left, y: top, width: right - left, height: bottom - top } };
  }
  const points = (prompt.points ?? []).map(([x, y], at) => ({ x, y, positive: prompt.labels?.[at] === 1 }));
  return { kind: 'points', points };
}

/**
 * Plays a scenario. Prompts come before their frame is tracked, those that the index calls refinements after it.
 *
 * @param onResult is told every result by its golden name, such as `o1.f12` or `o1.f12.refine`, and its place in the
 *   batch that it comes from
 */
export async function playScenario(
  { prompts, frames, options }: Scenario,
  runtime: Sam2Runtime,
  pictureOf: (frame: number) => { readonly pixels: Uint8Array; readonly side: number },
  onResult: (name: string, result: ObjectResult, place: number) => void,
): Promise<void> {
  const predictor = new CameraPredictor(runtime, options);
  try {
    for (let frame = 0; frame < frames; frame++) {
      const { pixels, side } = pictureOf(frame);
      await predictor.show(frame, pixels, side, side);
      const nameOf = (objectId: number) => `o${objectId}.f${String(frame).padStart(2, '0')}`;
      const here = prompts.filter((prompt) => prompt.frame === frame);
      const isRefinement = (prompt: GoldenPrompt) => prompt.when?.includes('refinement') ?? false;
      const show = async (shown: readonly GoldenPrompt[], suffix: string) => {
        if (shown.length === 0) return;
        const wanted = shown.map((prompt) => ({ objectId: prompt.obj, shape: shapeOf(prompt) }));
        const results = [...(await predictor.promptAll(wanted)).values()];
        for (const [place, result] of results.entries()) {
          onResult(`${nameOf(result.objectId)}${suffix}`, result, place);
        }
      };
      await show(
        here.filter((each) => !isRefinement(each)),
        '',
      );
      const tracked = [...(await predictor.track()).values()];
      for (const [place, result] of tracked.entries()) onResult(nameOf(result.objectId), result, place);
      await show(here.filter(isRefinement), '.refine');
    }
  } finally {
    predictor.dispose();
  }
}
