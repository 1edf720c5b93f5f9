import type { Frame } from '../src/buffer/frame.ts';
import type { Box } from '../src/mask/box.ts';
import { encodeRunLength, runLengthBox } from '../src/mask/run-length.ts';
import type {
  PromptedTarget,
  SegmentationRequest,
  SegmentationResult,
  SegmentationTarget,
} from '../src/tracker/segmentation.ts';
import { createSegmenter } from '../src/tracker/segmenter-factory.ts';
import type { BenchmarkContext } from './benchmark.ts';
import { type Figure, median } from './figure.ts';
import { decodedCopies, type SceneVideo } from './scene-video.ts';

const frames = 7;
const gridPoints = Float32Array.from(Array.from({ length: 8 }, (_, at) => [(at + 0.5) / 8, 0.3]).flat());

/**
 * One look of MobileSAM at one picture, stage by stage, on one thread. The model sees both video sizes at the same
 * 1024 pixels, so one size stands for all.
 */
export async function benchSegmentation({ videos }: BenchmarkContext): Promise<Figure[]> {
  const [video] = await videos();
  if (video === undefined) return [];
  const pictures = await decodedCopies(video, frames, true);
  const segmenter = await createSegmenter({ executionProviders: ['cpu'], intraOpThreads: 1 });
  const results: SegmentationResult[] = [];
  let withGrid: SegmentationResult | undefined;
  try {
    const [first, ...later] = pictures;
    if (first === undefined) return [];
    const shown = await segmenter.segment(request(first, { prompted: boxesOf(video) }));
    let objects = shown.objects;
    for (const picture of later) {
      const targets = objects.map(({ objectId, logits }) => ({ objectId, prior: logits, priorSupport: 1 }));
      const result = await segmenter.segment(request(picture, { targets }));
      results.push(result);
      objects = result.objects;
    }
    const last = pictures.at(-1) ?? first;
    withGrid = await segmenter.segment(request(last, { gridPoints }));
  } finally {
    await segmenter.dispose();
  }
  const stage = (pick: (result: SegmentationResult) => number) => median(results.map(pick));
  const objects = results[0]?.objects.length ?? 0;
  const perObject = stage(({ timing }) => timing.decode / objects);
  const perPoint = withGrid.timing.decode / (gridPoints.length / 2);
  const found = stage(({ objects }) => objects.filter(({ logits }) => logits !== null).length);
  const less = 'less' as const;
  return [
    { name: 'segmentation, encode', value: stage(({ timing }) => timing.encode), unit: 'ms', better: less },
    {
      name: `segmentation, match ${objects} objects`,
      value: stage(({ timing }) => timing.match),
      unit: 'ms',
      better: less,
    },
    {
      name: 'segmentation, decode',
      value: perObject,
      unit: 'ms/object',
      better: less,
      note: `${found} of ${objects} found`,
    },
    { name: 'segmentation, grid point', value: perPoint, unit: 'ms/point', better: less },
    {
      name: `segmentation, all of ${objects} objects`,
      value: stage(({ timing }) => timing.total),
      unit: 'ms',
      better: less,
    },
  ];
}

function request(
  picture: Frame,
  what: {
    readonly targets?: readonly SegmentationTarget[];
    readonly prompted?: readonly PromptedTarget[];
    readonly gridPoints?: Float32Array;
  },
): SegmentationRequest {
  return {
    streamId: 'bench',
    frameIndex: picture.index,
    pixels: picture.pixels,
    pixelSize: picture.pixelSize,
    width: picture.width,
    height: picture.height,
    targets: what.targets ?? [],
    prompted: what.prompted ?? [],
    gridPoints: what.gridPoints ?? new Float32Array(0),
    forgotten: [],
    forgetAll: false,
  };
}

/** The true box of every object on the first picture, as prompts. */
function boxesOf({ scene, width, height }: SceneVideo): PromptedTarget[] {
  const truth = scene.masks(0);
  return scene.objects.flatMap(({ id }) => {
    const box: Box | null = runLengthBox(
      encodeRunLength(
        truth.map((pixel) => (pixel === id ? 1 : 0)),
        width,
        height,
      ),
    );
    return box === null ? [] : [{ objectId: id, shape: { kind: 'box', box }, currentLogits: null }];
  });
}
