import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { DemoScene } from '../../src/demo/demo-scene.ts';
import { maskIou } from '../../src/mask/mask-iou.ts';
import { decodeRunLength } from '../../src/mask/run-length.ts';
import { type TrackMessage, trackMessageSchema } from '../../src/publish/track-message.ts';
import { sceneUnits } from './scene-clip.ts';
import { ServiceUnderTest } from './service-process.ts';
import { until } from './until.ts';

const clipFrames = 200;
const [width, height] = [640, 360];
/** The striped ball in the middle, which nothing hides. */
const ball = 1;

describe('people who prompt a live stream', () => {
  const scene = new DemoScene({ width, height });
  let service: ServiceUnderTest;
  let viewer: WebSocket;
  let camera: WebSocket;
  let filming: Promise<void>;
  let isFilming = true;
  const frames: TrackMessage[] = [];

  beforeAll(async () => {
    const units = await sceneUnits(clipFrames, 25);
    service = await ServiceUnderTest.start({ SAM2_PROMPT_STRATEGY: 'none' }, ['--no-demo']);
    await until(async () => expect((await service.get('/readyz')).status).toBe(200));
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
    await until(() => expect(frames.length).toBeGreaterThan(30));
  });

  afterAll(async () => {
    isFilming = false;
    await filming;
    camera.close();
    viewer.close();
    await service.end();
  });

  const truth = (message: TrackMessage) => {
    const pixels = scene.masks(message.frame.index % clipFrames);
    return pixels.map((id) => (id === ball ? 1 : 0));
  };
  const shown = (message: TrackMessage, objectId: number) => {
    const mask = message.tracks.find(({ id }) => id === objectId)?.mask;
    return mask ? decodeRunLength({ size: [height, width], counts: mask.counts }) : null;
  };
  const boxOn = (message: TrackMessage) => {
    const inside = [...truth(message).entries()].filter(([, value]) => value === 1).map(([at]) => at);
    const columns = inside.map((at) => at % width);
    const rows = inside.map((at) => Math.floor(at / width));
    const [x, y] = [Math.min(...columns), Math.min(...rows)];
    return { x, y, width: Math.max(...columns) + 1 - x, height: Math.max(...rows) + 1 - y };
  };

  it('shows where it is now what they have boxed on a frame of before', async () => {
    // The clip begins anew now and then, which is a cut.
    const seen = await until(() => {
      const [old, now] = [frames.at(-20), frames.at(-1)];
      if (old === undefined || now === undefined) throw new Error('no frames yet');
      const [from, to] = [old.frame.index, now.frame.index].map((index) => index % clipFrames);
      expect((from ?? 0) < (to ?? 0) && (to ?? 0) < clipFrames / 2).toBe(true);
      return old;
    });
    const { timestampNs } = seen.frame;
    const body = { box: boxOn(seen), timestampNs, label: 'ball' };
    const answer = await service.post('/v1/streams/cam/prompts', body);
    expect(answer.status).toBe(201);
    const { objectId } = (await answer.json()) as { objectId: number };
    const first = await until(() => {
      const message = frames.find((frame) => shown(frame, objectId) !== null);
      if (message === undefined) throw new Error(`nobody shows ${objectId}`);
      return message;
    });
    expect(BigInt(first.frame.timestampNs)).toBeGreaterThan(BigInt(timestampNs));
    expect(maskIou(shown(first, objectId) ?? new Uint8Array(width * height), truth(first))).toBeGreaterThan(
      0.5,
    );

    const change = { category: 'toy', locked: true };
    const path = `/v1/streams/cam/objects/${objectId}`;
    expect((await service.post(path, change, 'PATCH')).status).toBe(204);
    await until(() =>
      expect(frames.at(-1)?.tracks).toMatchObject([{ id: objectId, label: 'ball', ...change }]),
    );
    expect((await service.post(path, { category: null, locked: false }, 'PATCH')).status).toBe(204);
    await until(() => {
      const [track] = frames.at(-1)?.tracks ?? [];
      expect(track).toMatchObject({ id: objectId });
      expect(track).not.toHaveProperty('locked');
      expect(track).not.toHaveProperty('category');
    });
  });

  it('are told that a frame is out of reach', async () => {
    for (const timestampNs of ['1', String(10n ** 18n * 9n)]) {
      const answer = await service.post('/v1/streams/cam/prompts', { points: [{ x: 1, y: 1 }], timestampNs });
      expect(answer.status).toBe(409);
      expect(await answer.json()).toMatchObject({ code: 'TRACKCAST_FRAME_UNREACHABLE' });
    }
  });
});
