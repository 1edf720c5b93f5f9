import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { TrackcastError } from '../../../src/errors.ts';
import { Detector, type DetectorSettings } from '../../../src/model/detector/detector.ts';
import { buildTokenAffinityGraph } from '../../../src/model/mobile-sam/token-affinity-graph.ts';
import { type SquareDetectorOptions, shapedDetector, squareDetector } from './detector-graphs.ts';
import { detectorSettings } from './detector-settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'trackcast-detector-'));
afterAll(() => rmSync(folder, { recursive: true }));

const names = "{0: 'nothing', 1: 'bright square'}";
const device = { executionProviders: ['cpu'], intraOpThreads: 1 };

let files = 0;
function fileOf(bytes: Uint8Array): string {
  const file = join(folder, `${++files}.onnx`);
  writeFileSync(file, bytes);
  return file;
}

async function open(bytes: Uint8Array, settings: Partial<DetectorSettings> = {}) {
  return Detector.open(detectorSettings(fileOf(bytes), settings), device);
}

async function refusal(
  opening: Promise<Detector>,
): Promise<{ code: string; message: string; key: string | undefined }> {
  try {
    await (await opening).dispose();
  } catch (error) {
    if (!(error instanceof TrackcastError)) throw error;
    return { code: error.code, message: error.message, key: error.place.key };
  }
  throw new Error('the detector was accepted');
}

/** A dark picture of 120 x 80 with a bright square, in the top left of rows of 128 pixels. */
function picture(square: { x: number; y: number; side: number } | null, brightness = [255, 255, 255]) {
  const rowPixels = 128;
  const pixels = new Uint8Array(rowPixels * 96 * 3).fill(250);
  for (let y = 0; y < 80; y++) {
    for (let x = 0; x < 120; x++) {
      const isSquare =
        square !== null &&
        x >= square.x &&
        x < square.x + square.side &&
        y >= square.y &&
        y < square.y + square.side;
      pixels.set(isSquare ? brightness : [20, 30, 40], (y * rowPixels + x) * 3);
    }
  }
  return { pixels, rowPixels, contentWidth: 120, contentHeight: 80, aspectRatio: 120 / 80 };
}

const square = { x: 30, y: 20, side: 32 };
/** As parts of the picture, give or take a pixel of the input. */
const squareBox = {
  x: expect.closeTo(30 / 120, 1),
  y: expect.closeTo(20 / 80, 1),
  width: expect.closeTo(32 / 120, 1),
  height: expect.closeTo(32 / 80, 1),
};

describe('Detector', () => {
  const layouts = ['yolov5', 'yolov8', 'end_to_end', 'boxes_scores_labels'] as const;
  const inputs: Partial<SquareDetectorOptions>[] = [
    { size: [64, 96] },
    { size: [96, 64] },
    { size: [50, 200] },
    { size: null },
    { input: 'uint8' },
  ];
  it.each(layouts.flatMap((layout) => inputs.map((input) => ({ layout, ...input }))))(
    'finds what is in the picture by $layout with an input of $size $input',
    async (options) => {
      const detector = await open(squareDetector({ ...options, names }), {
        layout: 'auto',
        pixels: { channels: 'rgb', maximum: 1 },
      });
      expect(detector.layout.kind).toBe(options.layout);
      expect(await detector.detect(picture(square))).toEqual([
        { box: squareBox, classIndex: 1, label: 'bright square', score: expect.closeTo(0.9, 5) },
      ]);
      expect(await detector.detect(picture(null))).toEqual([]);
      await detector.dispose();
    },
  );

  it('undoes what a tracker did to the picture’s shape', async () => {
    const detector = await open(squareDetector({ layout: 'yolov8', names }));
    const stretched = { ...picture(square), aspectRatio: 3 };
    expect(await detector.detect(stretched)).toMatchObject([{ box: squareBox }]);
    await detector.dispose();
  });

  it('gives pixels in the configured range', async () => {
    const detector = await open(squareDetector({ layout: 'yolov8', names, maximum: 255 }), {
      pixels: { channels: 'rgb', maximum: 255 },
    });
    expect(await detector.detect(picture(square))).toHaveLength(1);
    await detector.dispose();
  });

  it('reads fractions where the graph gives them', async () => {
    // The picture fills rows 0 to 63 of an input of 64 x 96 completely.
    const bytes = squareDetector({ layout: 'yolov8', names, says: [0.5, 0.5, 0.25, 0.5] });
    const detector = await open(bytes, { boxUnits: 'fractions' });
    const [detection] = await detector.detect(picture(square));
    expect(detection?.box).toMatchObject({
      x: expect.closeTo(0.375, 5),
      y: expect.closeTo(0.25, 5),
      width: expect.closeTo(0.25, 5),
      height: expect.closeTo(0.5, 5),
    });
    await detector.dispose();
  });

  it('lets people name, choose and rate classes', async () => {
    const bytes = squareDetector({ layout: 'yolov8', names });
    const labels = ['background', 'lamp'];
    const found = async (settings: Partial<DetectorSettings>) => {
      const detector = await open(bytes, settings);
      const detections = await detector.detect(picture(square));
      await detector.dispose();
      return detections.map(({ label }) => label);
    };
    expect(await found({ labels })).toEqual(['lamp']);
    expect(await found({ labels, classes: ['lamp'] })).toEqual(['lamp']);
    expect(await found({ labels, classes: ['background'] })).toEqual([]);
    expect(await found({ minScore: 0.95 })).toEqual([]);
    expect(
      await found({ minScore: 0.95, classMinScores: [{ label: 'bright square', minScore: 0.5 }] }),
    ).toEqual(['bright square']);
    expect(await found({ classMinScores: [{ label: 'bright square', minScore: 0.95 }] })).toEqual([]);
  });

  it('numbers classes that nobody has named', async () => {
    const bytes = squareDetector({ layout: 'yolov8' });
    const detector = await open(bytes, { layout: 'yolov8' });
    expect(await detector.detect(picture(square))).toMatchObject([{ label: 'class 1' }]);
    await detector.dispose();
  });

  it.each([
    ['NaN', [Number.NaN, 30, 10, 10]],
    ['infinite places', [Number.POSITIVE_INFINITY, 30, 10, 10]],
    ['infinite sizes', [30, 30, Number.POSITIVE_INFINITY, 10]],
    ['negative sizes', [30, 30, -10, 10]],
    ['places outside of the picture', [5000, 30, 10, 10]],
  ] as const)('takes %s for nothing', async (_, says) => {
    const detector = await open(squareDetector({ layout: 'yolov8', names, says }));
    expect(await detector.detect(picture(square))).toEqual([]);
    await detector.dispose();
  });
});

describe('a file that is no detector', () => {
  it('is missing', async () => {
    const settings = detectorSettings(join(folder, 'none.onnx'));
    expect(await refusal(Detector.open(settings, device))).toMatchObject({
      code: 'TRACKCAST_MODEL_INVALID',
      key: 'DETECTOR_MODEL',
    });
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['empty', new Uint8Array(0), /it is empty/],
    ['garbage', Uint8Array.from({ length: 3000 }, (_, at) => (at * 97) % 251), /not a usable ONNX file/],
    [
      'cut off',
      squareDetector({ layout: 'yolov8', names }).slice(0, 900),
      /not a usable ONNX file|can run the model/,
    ],
    [
      'a graph of another kind',
      buildTokenAffinityGraph('anywhere', { neighbours: 20, temperature: 0.05 }),
      /the input must be one float32 or uint8 tensor \[1, 3, height, width\]; found .*\[/,
    ],
    [
      'a model of masks alone',
      shapedDetector({ masks: [1, 32, 160, 160] }),
      /found are masks: float32 \[1, 32, 160, 160\]/,
    ],
    [
      'one that fits no layout',
      shapedDetector({ output0: [1, 90, 8400] }, { names: "['a', 'b']" }),
      /with 2 named classes are not .*\[1, 4 \+ 2, boxes\].* found are output0: float32 \[1, 90, 8400\]/,
    ],
    [
      'one of unnamed classes and strange size',
      shapedDetector({ output0: [1, 100, 85] }),
      /yolov5 \[1, boxes, 5 \+ classes\] or .* 640x640; found are output0: float32 \[1, 100, 85\]/,
    ],
    [
      'one with unreadable names',
      squareDetector({ layout: 'yolov8', names: '{0: exec("x")}' }),
      /DETECTOR_LABELS/,
    ],
  ])('is refused with what is wrong when it is %s', async (_, bytes, message) => {
    const refused = await refusal(open(bytes));
    expect(refused).toMatchObject({ code: 'TRACKCAST_MODEL_INVALID' });
    expect(refused.message).toMatch(message);
  });

  it('is one whose outputs are not as they were said to be', async () => {
    const { message } = await refusal(
      open(squareDetector({ layout: 'yolov8', names }), { layout: 'yolov5' }),
    );
    expect(message).toMatch(/are not yolov5 \[1, boxes, 5 \+ 2\]; found are output0: float32 \[1, 6, 1\]/);
  });

  it('is told from a machine that cannot run it', async () => {
    const cuda = { executionProviders: ['cuda'], intraOpThreads: 1 };
    const opening = Detector.open(
      detectorSettings(fileOf(squareDetector({ layout: 'yolov8', names }))),
      cuda,
    );
    // Where there is CUDA, it runs.
    const code = await opening.then(
      (detector) => detector.dispose().then(() => null),
      (error: TrackcastError) => error.code,
    );
    expect([null, 'TRACKCAST_PROVIDER_UNAVAILABLE']).toContain(code);
  });

  it('never ends the process, however it is damaged', async () => {
    const whole = squareDetector({ layout: 'yolov8', names });
    const change = fc.record({ at: fc.nat(whole.length - 1), value: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = whole.slice();
        for (const { at, value } of changes) bytes[at] = value;
        try {
          await (await open(bytes)).dispose();
        } catch (error) {
          expect(error).toBeInstanceOf(TrackcastError);
        }
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    [{ classes: ['lamp'] }, 'DETECTOR_CLASSES'],
    [{ classMinScores: [{ label: 'lamp', minScore: 0.2 }] }, 'DETECTOR_CLASS_MIN_SCORES'],
  ])('is one that does not know %j', async (settings, key) => {
    const refused = await refusal(open(squareDetector({ layout: 'yolov8', names }), settings));
    expect(refused).toMatchObject({ code: 'TRACKCAST_CONFIG_INVALID', key });
    expect(refused.message).toMatch(/'lamp'.*'nothing', 'bright square'/);
  });
});
