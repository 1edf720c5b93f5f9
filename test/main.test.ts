import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { writeRandomSam2 } from '../bench/random-sam2.ts';
import { loadConfig } from '../src/config/load.ts';
import { type Service, serve } from '../src/main.ts';
import { FileLock } from '../src/model/store/file-lock.ts';
import { resolveModel } from '../src/model/store/resolve-model.ts';
import { incomingFolder, storeFolder } from '../src/model/store/store-folder.ts';
import { writeSureModel } from './tracker/sam2/live-model.ts';

const quick = { heartbeatMs: 1000, staleMs: 60_000, retryMs: 10 };

describe('serve', () => {
  const folder = mkdtempSync(join(tmpdir(), 'trackcast-serve-'));
  const model = join(folder, 'model.safetensors');
  const modelDir = join(folder, 'models');
  let lockPath: string;
  let service: Service | undefined;

  beforeAll(async () => {
    await writeSureModel(model);
    const { name } = await resolveModel(model, modelDir);
    // A file that has changed replaces the model that it was, which waits for whoever is replacing it already.
    await writeRandomSam2(model, 'hiera_nano');
    lockPath = join(incomingFolder(storeFolder(modelDir)), `replacing-${name.replaceAll('/', '-')}.lock`);
    mkdirSync(dirname(lockPath), { recursive: true });
  });
  afterEach(() => service?.stop());
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const start = (environment: Readonly<Record<string, string>>) =>
    serve(
      loadConfig({
        environment: {
          HTTP_PORT: '0',
          LOG_LEVEL: 'silent',
          VIDEO_TRACKER_TYPE: 'sam2_video',
          MODEL_DIR: modelDir,
          EXECUTION_PROVIDERS: 'cpu',
          ...environment,
        },
      }),
    );
  const get = async ({ address }: Service, path: string) => {
    const response = await fetch(`http://${address.host}:${address.port}${path}`);
    return { status: response.status, body: (await response.json()) as unknown };
  };

  it('listens while its model is prepared, and says that it is not ready', async () => {
    const lock = await FileLock.acquire(lockPath, quick, {});
    service = await start({ SAM2_MODEL: model });
    expect((await get(service, '/healthz')).status).toBe(200);
    expect(await get(service, '/readyz')).toEqual({
      status: 503,
      body: { ready: false, checks: { service: 'ready', model: 'the model is being prepared' } },
    });
    expect((await get(service, '/v1/streams')).status).toBe(200);
    await expect(service.streams.reset('camera')).rejects.toMatchObject({ code: 'TRACKCAST_STREAM_UNKNOWN' });
    const { host, port } = service.address;
    const camera = new WebSocket(`ws://${host}:${port}/v1/ingest/camera`);
    expect(await new Promise((resolve) => camera.once('close', resolve))).toBe(1013);
    await lock.release();
    expect(await service.prepared).toBe(true);
    const { body } = await get(service, '/readyz');
    expect(body).not.toMatchObject({ checks: { model: 'the model is being prepared' } });
  });

  it('can be stopped while its model is prepared, and takes no streams then', async () => {
    await writeSureModel(model);
    const lock = await FileLock.acquire(lockPath, quick, {});
    service = await start({ SAM2_MODEL: model });
    await service.stop();
    await expect(get(service, '/healthz')).rejects.toThrow();
    await lock.release();
    expect(await service.prepared).toBe(false);
  });

  it('stops, and says how to get it, when its model is missing', async () => {
    service = await start({ SAM2_MODEL: 'sam2.1-tiny' });
    await expect(service.prepared).rejects.toMatchObject({ code: 'TRACKCAST_MODEL_MISSING' });
    await expect(get(service, '/healthz')).rejects.toThrow();
  });
});
