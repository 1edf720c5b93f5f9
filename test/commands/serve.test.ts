import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { streamIdOf } from '../../src/commands/serve.ts';
import { ProgramUnderTest, ServiceUnderTest } from '../system/service-process.ts';

let program: ProgramUnderTest | undefined;

afterEach(async () => {
  await program?.end();
});

describe('trackcast serve', () => {
  it('ends with code 1 and says which setting to change when its port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    program = new ProgramUnderTest(['serve'], { HTTP_PORT: String(port) });
    expect(await program.ended).toBe(1);
    expect(program.stderr).toContain('TRACKCAST_CONFIG_INVALID');
    expect(program.stderr).toContain('HTTP_PORT');
    expect(program.stderr).toContain('EADDRINUSE');
    expect(program.stderr).not.toContain('    at ');
    other.close();
  });

  it('ends with code 1 when its input cannot be read', async () => {
    program = new ProgramUnderTest(['serve', '--input', 'no-such.mp4'], { HTTP_PORT: '0' });
    expect(await program.ended).toBe(1);
    expect(program.stderr).toContain('TRACKCAST_SOURCE_UNREADABLE');
    expect(program.stderr).toContain('no-such.mp4');
  });

  it('ends with code 1 and says how to get the model when it is missing', async () => {
    program = new ProgramUnderTest(['serve'], {
      HTTP_PORT: '0',
      VIDEO_TRACKER_TYPE: 'sam2_video',
      MODEL_DIR: join(tmpdir(), 'trackcast-no-such-store'),
    });
    expect(await program.ended).toBe(1);
    expect(program.stderr).toContain('TRACKCAST_MODEL_MISSING');
    expect(program.stderr).toContain('trackcast models pull sam2.1-tiny');
    expect(program.stderr).not.toContain('    at ');
  });

  it('ends with code 1 when its model is no checkpoint', async () => {
    program = new ProgramUnderTest(['serve'], {
      HTTP_PORT: '0',
      VIDEO_TRACKER_TYPE: 'sam2_video',
      SAM2_MODEL: fileURLToPath(import.meta.url),
      MODEL_DIR: join(tmpdir(), 'trackcast-no-such-store'),
    });
    expect(await program.ended).toBe(1);
    expect(program.stderr).toContain('TRACKCAST_CHECKPOINT_INVALID');
    expect(program.stderr).not.toContain('    at ');
  });

  it('ends at once on a second signal', async () => {
    const service = await ServiceUnderTest.start();
    program = service;
    service.signal('SIGINT');
    await service.says(/"msg":"stopping"/);
    service.signal('SIGINT');
    expect(await service.ended).toBe(130);
  });

  it('ends with code 1 on a defect, and logs it without what hangs on the error', async () => {
    // Thrown once the program listens for what nobody catches, however long it takes to load.
    const defect = `const timer = setInterval(() => {
      if (process.listenerCount('uncaughtException') === 0) return;
      clearInterval(timer);
      throw Object.assign(new Error('boom'), { content: 'a body' });
    }, 100)`;
    const preloaded = `--import=data:text/javascript,${encodeURIComponent(defect)}`;
    program = new ProgramUnderTest(['serve', '--no-demo'], { HTTP_PORT: '0', NODE_OPTIONS: preloaded });
    expect(await program.ended).toBe(1);
    expect(program.stdout).toMatch(/"level":"fatal".*"message":"boom"/);
    expect(program.stdout + program.stderr).not.toContain('a body');
  });

  it('starts and stays alive while the broker is away', async () => {
    const service = await ServiceUnderTest.start({ AMQP_URL: 'amqp://nobody:secretsecret@127.0.0.1:1' });
    program = service;
    expect((await service.get('/healthz')).status).toBe(200);
    const ready = await service.get('/readyz');
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ checks: { broker: expect.stringContaining('broker') } });
    service.signal('SIGTERM');
    expect(await service.ended).toBe(0);
    expect(service.stdout).not.toContain('secretsecret');
  });
});

describe('streamIdOf', () => {
  it.each([
    ['/videos/or-3.mp4', 'or-3'],
    ['case 12 (left).h264', 'case-12-left-'],
    ['.mp4', 'input'],
  ])('makes of %s the stream id %s', (path, expected) => {
    expect(streamIdOf(path)).toBe(expected);
  });
});
