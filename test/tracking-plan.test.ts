import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../src/config/load.ts';
import { embeddedGeometry, planModel, planTracking } from '../src/tracking-plan.ts';
import { folderPerTest, sha256Of, writeCheckpoint } from './model/store/store-fixture.ts';

const folder = folderPerTest();

/** Settings of an environment whose store is in the folder of the test. */
function configOf(environment: Readonly<Record<string, string>> = {}) {
  return loadConfig({ environment: { MODEL_DIR: folder.path('models'), ...environment } }).values;
}

describe('the plan for tracking', () => {
  it('is the embedded model by default, which needs no store', async () => {
    const { tracking, geometry } = await planTracking(
      configOf({ SAM2_MODEL: './no-such.pt', EXECUTION_PROVIDERS: 'cuda,cpu', SEGMENTATION_THREADS: '3' }),
      false,
    );
    expect(geometry).toEqual(embeddedGeometry);
    expect(tracking).toMatchObject({
      kind: 'mobile_sam',
      models: { executionProviders: ['cuda', 'cpu'], intraOpThreads: 3 },
      waitsForSegmentation: false,
    });
    expect(tracking.models.sam2).toBeUndefined();
  });

  it('tracks by overlap with the embedded model where video is off', async () => {
    const config = configOf({ VIDEO_MODE: 'false', VIDEO_TRACKER_TYPE: 'sam2_video' });
    const { kind, models } = await planModel(config);
    expect({ kind, sam2: models.sam2 }).toEqual({ kind: 'iou', sam2: undefined });
  });

  it('has the checkpoint of SAM 2 in the store and pictures stretched to what its model was trained on', async () => {
    const file = await writeCheckpoint(folder.path('endo.safetensors'));
    const { tracking, geometry } = await planTracking(
      configOf({ VIDEO_TRACKER_TYPE: 'sam2_video', SAM2_MODEL: file }),
      false,
    );
    expect(geometry).toEqual({ kind: 'stretch', width: 256, height: 256 });
    expect(tracking.kind).toBe('sam2_video');
    const { sam2 } = tracking.models;
    expect(sam2).toMatchObject({
      imageSize: 256,
      precision: 'float32',
      deviceId: 0,
      fused: true,
      memoryPolicy: 'sam2',
      wholeFrameGate: false,
      memoryPooling: 1,
      maxConditioningFrames: -1,
      correctionsCondition: false,
      holeArea: 0,
    });
    expect(sam2?.folder.startsWith(folder.path('models'))).toBe(true);
    expect(sha256Of(sam2?.checkpoint ?? '')).toBe(sha256Of(file));
  });

  it('passes on every setting of SAM 2, and crosses threads', async () => {
    const file = await writeCheckpoint(folder.path('endo.safetensors'));
    const { tracking, geometry } = await planTracking(
      configOf({
        VIDEO_TRACKER_TYPE: 'sam2_video',
        SAM2_MODEL: file,
        SAM2_IMAGE_SIZE: '512',
        SAM2_PRECISION: 'float16',
        SAM2_VOS_OPTIMIZED: 'false',
        SAM2_MEMORY_POLICY: 'samurai',
        SAM2_WHOLE_FRAME_GATE: 'true',
        SAM2_MEMORY_POOLING: 'true',
        SAM2_MAX_COND_FRAMES_IN_ATTN: '4',
        SAM2_ADD_ALL_FRAMES_TO_CORRECT_AS_COND: 'true',
        SAM2_FILL_HOLE_AREA: '8',
        DEVICE_ID: '1',
      }),
      false,
    );
    expect(geometry).toEqual({ kind: 'stretch', width: 512, height: 512 });
    expect(tracking.models.sam2).toMatchObject({
      imageSize: 512,
      precision: 'float16',
      deviceId: 1,
      fused: false,
      memoryPolicy: 'samurai',
      wholeFrameGate: true,
      memoryPooling: 2,
      maxConditioningFrames: 4,
      correctionsCondition: true,
      holeArea: 8,
    });
    expect(structuredClone(tracking)).toEqual(tracking);
  });

  it('has the detector of a strategy that wants one, with its labels', async () => {
    const DETECTOR_MODEL = folder.path('tools.onnx');
    const DETECTOR_LABELS = folder.path('tools.txt');
    await writeFile(DETECTOR_MODEL, 'opened where the models run');
    await writeFile(DETECTOR_LABELS, 'grasper\nhook\n');
    const detectorOf = async (environment: Readonly<Record<string, string>>) =>
      (await planTracking(configOf(environment), false)).tracking.models.detector;
    const detector = await detectorOf({
      SAM2_PROMPT_STRATEGY: 'detector',
      DETECTOR_MODEL,
      DETECTOR_LABELS,
      DETECTOR_LAYOUT: 'yolov8',
      DETECTOR_CLASSES: 'hook',
      DETECTOR_MIN_SCORE: '0.5',
      DETECTOR_CLASS_MIN_SCORES: 'hook=0.7',
      DETECTOR_NMS_IOU: '0.6',
      DETECTOR_MAX_BOXES: '3',
      DETECTOR_IMAGE_SIZE: '320',
      DETECTOR_PIXEL_MAX: '255',
      DETECTOR_CHANNELS: 'bgr',
      DETECTOR_BOX_UNITS: 'fractions',
    });
    expect(detector).toEqual({
      file: DETECTOR_MODEL,
      layout: 'yolov8',
      labels: ['grasper', 'hook'],
      classes: ['hook'],
      minScore: 0.5,
      classMinScores: [{ label: 'hook', minScore: 0.7 }],
      suppressionIou: 0.6,
      maxBoxes: 3,
      imageSize: 320,
      pixels: { channels: 'bgr', maximum: 255 },
      boxUnits: 'fractions',
    });
    expect(structuredClone(detector)).toEqual(detector);
    expect(await detectorOf({ SAM2_PROMPT_STRATEGY: 'hybrid', DETECTOR_MODEL })).toMatchObject({
      labels: null,
    });
    expect(await detectorOf({ SAM2_PROMPT_STRATEGY: 'hybrid' })).toBeUndefined();
    expect(await detectorOf({ DETECTOR_MODEL })).toBeUndefined();
  });

  it.each([
    [{}, 'TRACKCAST_CONFIG_INVALID', 'DETECTOR_MODEL'],
    [{ DETECTOR_MODEL: '/no/such/tools.onnx' }, 'TRACKCAST_MODEL_INVALID', 'DETECTOR_MODEL'],
    [
      { DETECTOR_MODEL: import.meta.filename, DETECTOR_LABELS: '/no' },
      'TRACKCAST_CONFIG_INVALID',
      'DETECTOR_LABELS',
    ],
  ])('refuses a detector of %j', async (detector, code, key) => {
    const planning = planModel({ ...configOf(detector), SAM2_PROMPT_STRATEGY: 'detector' });
    await expect(planning).rejects.toMatchObject({ code, place: { key } });
  });

  it('segments as often as it is told, or every frame of a recording', async () => {
    const config = configOf({ VIDEO_PROCESSING_FPS: '7' });
    const live = await planTracking(config, false);
    const recorded = await planTracking(config, true);
    expect(live.tracking.settings.maxSegmentationsPerSecond).toBe(7);
    expect(recorded.tracking.settings.maxSegmentationsPerSecond).toBe(Number.POSITIVE_INFINITY);
    expect(recorded.tracking.waitsForSegmentation).toBe(true);
  });

  it('says how to get a model that is missing', async () => {
    const published = planModel(configOf({ VIDEO_TRACKER_TYPE: 'sam2_video' }));
    await expect(published).rejects.toMatchObject({
      code: 'TRACKCAST_MODEL_MISSING',
      message: expect.stringContaining('trackcast models pull sam2.1-tiny'),
    });
    const file = folder.path('absent.pt');
    const absent = planModel(configOf({ VIDEO_TRACKER_TYPE: 'sam2_video', SAM2_MODEL: file }));
    await expect(absent).rejects.toMatchObject({
      code: 'TRACKCAST_MODEL_MISSING',
      place: { key: file },
    });
  });
});
