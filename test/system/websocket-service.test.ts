import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { runLengthArea } from '../../src/mask/run-length.ts';
import { type TrackMessage, trackMessageSchema } from '../../src/publish/track-message.ts';
import { sceneUnits } from './scene-clip.ts';
import { ServiceUnderTest } from './service-process.ts';
import { until } from './until.ts';

describe('the service without a broker', () => {
  let service: ServiceUnderTest;
  let viewer: WebSocket;
  let camera: WebSocket;
  let filming: Promise<void>;
  let isFilming = true;
  const frames: TrackMessage[] = [];
  const events: { type: string; trackId?: number }[] = [];

  beforeAll(async () => {
    const units = await sceneUnits(200, 25);
    service = await ServiceUnderTest.start({ SAM2_PROMPT_STRATEGY: 'none' }, ['--no-demo']);
    await until(async () => expect((await service.get('/readyz')).status).toBe(200));
    const address = service.address.replace('http', 'ws');
    viewer = new WebSocket(`${address}/v1/live?streams=cam`);
    viewer.on('message', (data, isBinary) => {
      expect(isBinary).toBe(false);
      const message: unknown = JSON.parse(String(data));
      const frame = trackMessageSchema.safeParse(message);
      if (frame.success) frames.push(frame.data);
      else events.push(message as { type: string });
    });
    camera = new WebSocket(`${address}/v1/ingest/cam`);
    await new Promise((resolve) => camera.once('open', resolve));
    filming = (async () => {
      for (let at = 0; isFilming; at += 1) {
        camera.send(units[at % units.length] ?? '');
        await delay(40);
      }
    })();
    await until(() => expect(frames.length).toBeGreaterThan(10));
  });

  afterAll(async () => {
    isFilming = false;
    await filming;
    camera.close();
    viewer.close();
    await service.end();
  });

  const newest = () => frames.at(-1)?.tracks ?? [];

  it('takes video from a WebSocket and shows the tracks of that stream to a live client', async () => {
    expect(frames.every(({ streamId }) => streamId === 'cam')).toBe(true);
    expect(frames.at(-1)?.frame).toMatchObject({ width: 640, height: 360, damaged: false });
    const { streams } = (await (await service.get('/v1/streams')).json()) as {
      streams: { id: string; state: string }[];
    };
    expect(streams.map(({ id, state }) => `${id} ${state}`).sort()).toEqual(['cam live']);
    expect(newest()).toEqual([]);
  });

  it('tracks what a person points at under the id that the answer gives, until it is removed', async () => {
    const answer = await service.post('/v1/streams/cam/prompts', {
      box: { x: 220, y: 110, width: 200, height: 160 },
      label: 'grasper',
    });
    expect(answer.status).toBe(201);
    const { objectId } = (await answer.json()) as { objectId: number };
    await until(() => {
      const track = newest().find(({ id }) => id === objectId);
      expect(
        track,
        JSON.stringify({ objectId, frames: frames.length, events: events.slice(-4) }),
      ).toMatchObject({ label: 'grasper', state: 'active', author: 'person' });
      const mask = track?.mask;
      expect(mask && runLengthArea({ size: [360, 640], counts: mask.counts })).toBe(track?.area);
      expect(track?.area).toBeGreaterThan(100);
    });
    expect(new Set(newest().map(({ id }) => id))).toEqual(new Set([objectId]));

    expect(
      (await service.post(`/v1/streams/cam/objects/${objectId}`, { label: 'clip' }, 'PATCH')).status,
    ).toBe(204);
    await until(() => expect(newest()).toMatchObject([{ id: objectId, label: 'clip' }]));

    expect((await service.post(`/v1/streams/cam/objects/${objectId}`, {}, 'DELETE')).status).toBe(204);
    await until(() => expect(newest()).toEqual([]));
    await until(() =>
      expect(events).toContainEqual(expect.objectContaining({ type: 'track.removed', trackId: objectId })),
    );
    const again = await service.post(`/v1/streams/cam/objects/${objectId}`, { label: 'x' }, 'PATCH');
    expect(again.status).toBe(404);
    expect(await again.json()).toMatchObject({ code: 'TRACKCAST_OBJECT_UNKNOWN' });
  });

  it('says what is wrong with a request, and goes on', async () => {
    const nowhere = await service.post('/v1/streams/nowhere/prompts', { points: [{ x: 1, y: 1 }] });
    expect(nowhere.status).toBe(404);
    expect(await nowhere.json()).toMatchObject({ code: 'TRACKCAST_STREAM_UNKNOWN' });
    const outside = await service.post('/v1/streams/cam/prompts', { points: [{ x: 5000, y: 1 }] });
    expect(outside.status).toBe(400);
    expect(await outside.json()).toMatchObject({ code: 'TRACKCAST_PROMPT_INVALID' });
    const before = frames.length;
    await until(() => expect(frames.length).toBeGreaterThan(before));
  });
});
