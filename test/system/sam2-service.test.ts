import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { maskIou } from '../../src/mask/mask-iou.ts';
import { decodeRunLength, encodeRunLengthRegion, runLengthArea } from '../../src/mask/run-length.ts';
import { type TrackMessage, trackMessageSchema } from '../../src/publish/track-message.ts';
import { writeSureModel } from '../tracker/sam2/live-model.ts';
import { sceneUnits } from './scene-clip.ts';
import { ServiceUnderTest } from './service-process.ts';
import { until } from './until.ts';

const [width, height] = [640, 360];

/** A rectangle of the picture as a mask. */
function rectangle(x: number, y: number, w: number, h: number) {
  const pixels = new Uint8Array(w * h).fill(1);
  return encodeRunLengthRegion(pixels, { x, y, width: w, height: h }, width, height);
}

describe('the service with SAM 2', () => {
  const folder = mkdtempSync(join(tmpdir(), 'trackcast-sam2-service-'));
  let service: ServiceUnderTest;
  let viewer: WebSocket;
  let camera: WebSocket;
  let filming: Promise<void>;
  let isFilming = true;
  const frames: TrackMessage[] = [];
  const unready: unknown[] = [];

  beforeAll(async () => {
    const model = join(folder, 'random.safetensors');
    await writeSureModel(model);
    const units = await sceneUnits(100, 25);
    service = await ServiceUnderTest.start(
      {
        VIDEO_TRACKER_TYPE: 'sam2_video',
        SAM2_MODEL: model,
        MODEL_DIR: join(folder, 'models'),
        SAM2_PROMPT_STRATEGY: 'none',
        EXECUTION_PROVIDERS: 'cuda,cpu',
      },
      ['--no-demo'],
    );
    await until(async () => {
      const ready = await service.get('/readyz');
      if (ready.status !== 200) unready.push(await ready.json());
      expect(ready.status).toBe(200);
    });
    const address = service.address.replace('http', 'ws');
    viewer = new WebSocket(`${address}/v1/live?streams=cam`);
    viewer.on('message', (data) => {
      const frame = trackMessageSchema.safeParse(JSON.parse(String(data)));
      if (frame.success) frames.push(frame.data);
    });
    camera = new WebSocket(`${address}/v1/ingest/cam`);
    await new Promise((resolve) => camera.once('open', resolve));
    filming = (async () => {
      for (let at = 0; isFilming; at += 1) {
        camera.send(units[at % units.length] ?? '');
        await delay(40);
      }
    })();
    await until(() => expect(frames.length).toBeGreaterThan(5));
  });

  afterAll(async () => {
    isFilming = false;
    await filming;
    camera?.close();
    viewer?.close();
    await service?.end();
    rmSync(folder, { recursive: true, force: true });
  });

  const trackOf = (frame: TrackMessage | undefined, objectId: number) =>
    frame?.tracks.find(({ id }) => id === objectId);

  it('is ready only when its model is warm, on the device that there is', async () => {
    for (const body of unready) {
      expect(body).toMatchObject({ checks: { model: expect.stringContaining('warming up') } });
    }
    const [, line = ''] = await service.says(/^(.*"msg":"the model is ready".*)$/m);
    const { provider, refused } = JSON.parse(line) as { provider: string; refused: string[] };
    // A machine with a card may well have CUDA.
    if (provider === 'cpu') expect(refused).toEqual([expect.stringMatching(/^cuda: \S/)]);
    else expect({ provider, refused }).toEqual({ provider: 'cuda', refused: [] });
    expect(await service.metric('trackcast_model_ready', `provider="${provider}"`)).toBe(1);
  });

  it('shows the mask that a person gives at once, and goes on with what the model makes of it', async () => {
    const mask = rectangle(200, 100, 120, 90);
    const before = frames.length;
    const answer = await service.post('/v1/streams/cam/prompts', { mask, label: 'tool' });
    expect(answer.status).toBe(201);
    const { objectId } = (await answer.json()) as { objectId: number };
    await until(() => expect(frames.some((frame) => trackOf(frame, objectId) !== undefined)).toBe(true));
    const first = trackOf(
      frames.slice(before).find((frame) => trackOf(frame, objectId)),
      objectId,
    );
    expect(first).toMatchObject({ label: 'tool', state: 'active', author: 'person' });
    const shown = first?.mask;
    if (shown === null || shown === undefined) throw new Error('no mask is shown');
    const given = decodeRunLength(mask);
    expect(maskIou(decodeRunLength({ size: [height, width], counts: shown.counts }), given)).toBeGreaterThan(
      0.85,
    );
    await until(async () => {
      expect(await service.metric('trackcast_segmentations_total', 'stream="cam"')).toBeGreaterThan(3);
      expect(frames.at(-1)?.provenance).toBeDefined();
      expect(frames.some(({ provenance }) => provenance === 'segmented')).toBe(true);
    });
    expect(await service.metric('trackcast_segmentation_seconds_count')).toBeGreaterThan(3);
    expect(await service.metric('trackcast_rejected_candidates_total', 'segmentation_failed')).toBe(0);
    expect(trackOf(frames.at(-1), objectId)?.id).toBe(objectId);
  });

  it('takes boxes and clicks for new objects and tracked ones, and forgets what is removed', async () => {
    const looks = () => service.metric('trackcast_segmentations_total', 'stream="cam"');
    const tracked = frames.at(-1)?.tracks[0]?.id ?? -1;
    const bodies = [
      { box: { x: 220, y: 110, width: 200, height: 160 } },
      { points: [{ x: 320, y: 190, positive: true }] },
      { objectId: tracked, points: [{ x: 260, y: 140, positive: true }] },
      { objectId: tracked, box: { x: 200, y: 100, width: 120, height: 90 } },
    ];
    const objectIds: number[] = [];
    for (const body of bodies) {
      const answer = await service.post('/v1/streams/cam/prompts', body);
      expect(answer.status).toBe(201);
      objectIds.push(((await answer.json()) as { objectId: number }).objectId);
    }
    expect(new Set(objectIds).size).toBe(3);
    expect(objectIds.slice(2)).toEqual([tracked, tracked]);
    const before = await looks();
    // What random weights make of clicks and boxes may be nothing at all; only that looks go on is sure.
    await until(async () => expect(await looks()).toBeGreaterThan(before + 3));
    for (const { tracks } of frames) {
      for (const { mask, area } of tracks) {
        if (mask !== null) expect(runLengthArea({ size: [height, width], counts: mask.counts })).toBe(area);
      }
    }
    expect(trackOf(frames.at(-1), tracked)?.firstFrame).toBeLessThan(frames.at(-1)?.frame.index ?? 0);
    for (const objectId of new Set(objectIds)) {
      expect((await service.post(`/v1/streams/cam/objects/${objectId}`, {}, 'DELETE')).status).toBe(204);
    }
    await until(() => expect(frames.at(-1)?.tracks).toEqual([]));
    expect(await service.metric('trackcast_rejected_candidates_total', 'segmentation_failed')).toBe(0);
    expect(await service.metric('trackcast_frames_failed_total')).toBe(0);
  });
});
