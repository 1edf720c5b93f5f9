import { TrackcastError } from '../../errors.ts';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import type { GraphTarget, Precision, WeightsFile } from '../graph/graph-builder.ts';
import { toHalf } from '../graph/half-float.ts';
import { renewalOf } from '../store/renewal.ts';
import type { Sam2Architecture, Sam2Geometry } from './architecture.ts';
import { cachedGraphs, type GraphName } from './graph-cache.ts';
import { MaskReduction } from './mask-reduction.ts';
import { objectsPerRun } from './objects-per-run.ts';
import { OnnxSam2Runtime } from './onnx-sam2-runtime.ts';
import { geometryOf, recogniseArchitecture } from './recognise.ts';
import { openSessions, type Sam2SessionOptions } from './sam2-sessions.ts';
import { openWeightsFile } from './weights-file.ts';

export interface Sam2Options extends Sam2SessionOptions {
  /** The checkpoint's file, in `folder`. */
  readonly checkpoint: string;
  /** Where graphs are kept. */
  readonly folder: string;
  /** Side of the square input; by default the one that the model was trained for. */
  readonly imageSize?: number;
  readonly precision: Precision;
  /** Whether a tracked frame is one run of a fused graph, which is quicker, or three runs. */
  readonly fused: boolean;
  /**
   * 2 to attend to means of 2 x 2 tokens of a memory instead of its tokens: an approximation that takes about a
   * quarter of the time. 1, which is exact, by default.
   */
  readonly memoryPooling?: 1 | 2;
}

interface Sam2Model {
  readonly architecture: Sam2Architecture;
  readonly geometry: Sam2Geometry;
  readonly weights: WeightsFile;
}

/** A model whose graphs are there. */
export interface PreparedSam2 extends Sam2Model {
  readonly graphs: ReadonlyMap<GraphName, string>;
}

type ModelOptions = Pick<
  Sam2Options,
  'checkpoint' | 'folder' | 'imageSize' | 'precision' | 'memoryPooling' | 'signal'
>;

/**
 * Makes sure that the graphs of a checkpoint lie beside it. Quick when they do.
 *
 * Throws `TRACKCAST_CHECKPOINT_INVALID`, `TRACKCAST_CONFIG_INVALID`, `TRACKCAST_MODEL_INVALID`,
 * `TRACKCAST_OUTPUT_UNWRITABLE`.
 *
 * @param target what the graphs are to run on
 */
export async function prepareSam2(options: ModelOptions, target: GraphTarget = 'cpu'): Promise<PreparedSam2> {
  const model = await readModel(options);
  return { ...model, graphs: await graphsOf(model, options, target) };
}

async function readModel({
  checkpoint: path,
  folder,
  imageSize,
  precision,
}: ModelOptions): Promise<Sam2Model> {
  const checkpoint = await openCheckpoint(path);
  try {
    const architecture = recogniseArchitecture(checkpoint.tensors);
    const geometry = geometryOf(imageSize ?? architecture.defaultImageSize);
    const weights = await openWeightsFile(checkpoint, folder, precision);
    return { architecture, geometry, weights };
  } finally {
    await checkpoint.close();
  }
}

function graphsOf(
  { architecture, geometry, weights }: Sam2Model,
  { folder, memoryPooling = 1, signal }: ModelOptions,
  target: GraphTarget,
): Promise<ReadonlyMap<GraphName, string>> {
  const { imageSize } = geometry;
  return cachedGraphs({ architecture, imageSize, weights, folder, target, memoryPooling, signal });
}

/**
 * Opens SAM 2, building its graphs first where they are not there. Blocks its thread for seconds: call it in a
 * worker. Throws what `prepareSam2` does.
 */
export async function openSam2(options: Sam2Options): Promise<OnnxSam2Runtime> {
  const model = await readModel(options);
  const { architecture, geometry, weights } = model;
  const { precision, fused } = options;
  const opened = await openSessions(async (target) => {
    const graphs = await graphsOf(model, options, target);
    return new Map([...graphs].filter(([name]) => fused || name !== 'track_step'));
  }, options).catch((error) => {
    throw withRenewal(error, options.folder);
  });
  const pointer = weights.readValues('no_obj_ptr');
  return new OnnxSam2Runtime({
    architecture,
    geometry,
    precision,
    opened,
    fused,
    maskReduction: new MaskReduction(
      weights.readValues('mask_downsample.weight'),
      weights.readValues('mask_downsample.bias')[0] as number,
    ),
    absentPointer: precision === 'float32' ? pointer : toHalf(pointer),
    objectsPerRun: objectsPerRun(architecture, geometry, precision, opened.provider),
  });
}

/** Graphs that cannot be opened are damaged more often than not, and nothing builds them anew while they are there. */
function withRenewal(error: unknown, folder: string): unknown {
  if (!(error instanceof TrackcastError) || error.code !== 'TRACKCAST_MODEL_INVALID') return error;
  const message = `${error.message}; if its files are damaged, ${renewalOf(folder)}`;
  return new TrackcastError(error.code, message, error.place, { cause: error.cause });
}
