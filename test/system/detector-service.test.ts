import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { H264Encoder } from '../../src/ingest/h264-encoder.ts';
import { type TrackMessage, trackMessageSchema } from '../../src/publish/track-message.ts';
import { squareDetector } from '../model/detector/detector-graphs.ts';
import { texture } from '../tracker/texture.ts';
import { ServiceUnderTest } from './service-process.ts';
import { until } from './until.ts';

const [width, height] = [640, 360];
const side = 130;
/** Pictures until the square is back where it was. */
const period = 100;

/** Left edge of the square, which goes to and fro, slowly: on a busy machine results land late. */
function squareAt(picture: number): number {
  const part = (picture % period) / period;
  return Math.round(220 + 30 * Math.abs(2 * part - 1));
}

/** A bright square over a dark ground, as access units. */
function squareClip(): Uint8Array[] {
  using encoder = new H264Encoder({ width, height, fps: 25, gopSize: 25 });
  const units: Uint8Array[] = [];
  const rgb = new Uint8Array(width * height * 3);
  for (let picture = 0; picture < period; picture++) {
    const left = squareAt(picture);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const isSquare = x >= left && x < left + side && y >= 110 && y < 110 + side;
        const light = isSquare ? 225 + 30 * texture(x - left + 200, y, 3) : 30 + 60 * texture(x, y, 5);
        rgb.fill(light, (y * width + x) * 3, (y * width + x) * 3 + 3);
      }
    }
    units.push(...encoder.encode(rgb));
  }
  return units;
}

const folder = mkdtempSync(join(tmpdir(), 'trackcast-detector-service-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the service with a detector', () => {
  let service: ServiceUnderTest;
  let viewer: WebSocket;
  let camera: WebSocket;
  let filming: Promise<void>;
  let isFilming = true;
  const frames: TrackMessage[] = [];

  beforeAll(async () => {
    const model = join(folder, 'square.onnx');
    writeFileSync(model, squareDetector({ layout: 'yolov8', size: null, names: "{0: 'other', 1: 'lamp'}" }));
    const units = squareClip();
    service = await ServiceUnderTest.start(
      { SAM2_PROMPT_STRATEGY: 'detector', DETECTOR_MODEL: model, DETECTOR_IMAGE_SIZE: '160' },
      ['--no-demo'],
    );
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
      for (let at = 0; isFilming; at++) {
        camera.send(units[at % units.length] ?? '');
        await delay(40);
      }
    })();
  });

  afterAll(async () => {
    isFilming = false;
    await filming;
    camera?.close();
    viewer?.close();
    await service?.end();
  });

  it('publishes what the detector sees as a track under its name, and goes on with it', async () => {
    await until(() => expect(frames.at(-1)?.tracks).toMatchObject([{ label: 'lamp', state: 'active' }]));
    const track = frames.at(-1)?.tracks[0];
    expect(track).toMatchObject({ author: 'strategy' });
    expect((track?.area ?? 0) / side ** 2).toBeGreaterThan(0.5);
    expect((track?.area ?? 0) / side ** 2).toBeLessThan(2);
    await until(async () => {
      expect(await service.metric('trackcast_reprompts_total', 'stream="cam"')).toBeGreaterThan(2);
    });
    const labels = frames.flatMap(({ tracks }) => tracks.map(({ id, label }) => `${id} ${label}`));
    expect([...new Set(labels)]).toEqual([`${track?.id} lamp`]);
    expect(await service.metric('trackcast_prompts_total', 'stream="cam"')).toBeGreaterThan(0);
    expect(await service.metric('trackcast_rejected_candidates_total', 'detector_failed')).toBe(0);
  });
});

describe('the service with a file that is no detector', () => {
  it('is not ready, and says what was expected and what was found', async () => {
    const model = join(folder, 'none.onnx');
    writeFileSync(model, squareDetector({ layout: 'yolov8', names: "['other', 'lamp']" }));
    const service = await ServiceUnderTest.start(
      { SAM2_PROMPT_STRATEGY: 'detector', DETECTOR_MODEL: model, DETECTOR_LAYOUT: 'yolov5' },
      ['--no-demo'],
    );
    try {
      await until(async () => {
        const ready = await service.get('/readyz');
        expect(ready.status).toBe(503);
        const { checks } = (await ready.json()) as { checks: { model: string } };
        expect(checks.model).toMatch(
          /none\.onnx is no usable detector: .*yolov5 \[1, boxes, 5 \+ 2\].*found are output0: float32 \[1, 6, 1\]/,
        );
      });
      expect((await service.get('/healthz')).status).toBe(200);
    } finally {
      await service.end();
    }
  });
});
