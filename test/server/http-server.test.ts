import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { LiveSubscription } from '../../src/publish/live-subscription.ts';
import type { HttpServerOptions } from '../../src/server/http-server.ts';
import { HttpServer } from '../../src/server/http-server.ts';
import { exampleStatus, serve, tokens, upgradeStatus } from './serve.ts';

const disposals: (() => unknown)[] = [];
afterEach(async () => {
  for (const dispose of disposals.splice(0).reverse()) await dispose();
});

async function open(overrides: Partial<HttpServerOptions> = {}) {
  const server = await serve(overrides);
  disposals.push(server.close);
  return server;
}

async function send(url: string, method: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
}

/** As fetch, but with headers that fetch keeps to itself. */
function rawStatus(port: number, headers: Record<string, string>, path = '/healthz'): Promise<number> {
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

describe('health and metrics', () => {
  it('is alive at once, and ready when every check is', async () => {
    let model: string | null = 'the model is warming up';
    const { url } = await open({ readiness: { broker: () => null, model: () => model } });
    expect((await send(`${url}/healthz`, 'GET')).body).toEqual({ alive: true });
    expect(await send(`${url}/readyz`, 'GET')).toMatchObject({
      status: 503,
      body: { ready: false, checks: { broker: 'ready', model: 'the model is warming up' } },
    });
    model = null;
    expect(await send(`${url}/readyz`, 'GET')).toMatchObject({ status: 200, body: { ready: true } });
  });

  it('shows metrics as text', async () => {
    const { url } = await open();
    const response = await fetch(`${url}/metrics`);
    expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    expect(await response.text()).toContain('trackcast_streams');
  });
});

describe('stream control', () => {
  it('lists streams, and shows one', async () => {
    const { url } = await open();
    expect((await send(`${url}/v1/streams`, 'GET')).body).toEqual({ streams: [exampleStatus('camera-1')] });
    expect((await send(`${url}/v1/streams/camera-1`, 'GET')).body).toEqual(exampleStatus('camera-1'));
    expect(await send(`${url}/v1/streams/${'x'.repeat(128)}`, 'GET')).toMatchObject({
      status: 404,
      body: { code: 'TRACKCAST_STREAM_UNKNOWN' },
    });
  });

  it.each([
    [{ points: [{ x: 1, y: 2 }] }, { kind: 'points', points: [{ x: 1, y: 2, positive: true }] }],
    [
      { points: [{ x: 1, y: 2, positive: false }], box: { x: 0, y: 0, width: 5, height: 5 } },
      {
        kind: 'points',
        points: [{ x: 1, y: 2, positive: false }],
        box: { x: 0, y: 0, width: 5, height: 5 },
      },
    ],
    [{ box: { x: 0, y: 0, width: 5, height: 5 } }, { kind: 'box', box: { x: 0, y: 0, width: 5, height: 5 } }],
    [{ mask: { size: [2, 2], counts: '13' } }, { kind: 'mask', mask: { size: [2, 2], counts: '13' } }],
  ])('takes the prompt %j', async (body, shape) => {
    const { url, control } = await open();
    const response = await send(`${url}/v1/streams/camera-1/prompts`, 'POST', { ...body, label: 'Größe 1' });
    expect(response).toMatchObject({ status: 201, body: { objectId: 8 } });
    expect(control.calls).toEqual([['prompt', 'camera-1', { shape, author: 'person', label: 'Größe 1' }]]);
  });

  it.each([
    ['1763683200123456789', 1763683200123456789n],
    ['-5', -5n],
    [40_000_000, 40_000_000n],
  ])('takes the prompt of a frame at %j', async (timestampNs, expected) => {
    const { url, control } = await open();
    const body = { points: [{ x: 1, y: 2 }], timestampNs };
    expect((await send(`${url}/v1/streams/camera-1/prompts`, 'POST', body)).status).toBe(201);
    expect(control.calls).toMatchObject([['prompt', 'camera-1', { timestampNs: expected }]]);
  });

  it.each([
    ['nothing', {}],
    ['a lock that is neither', { locked: 'yes' }],
    ['an empty category', { category: '' }],
  ])('refuses to change %s of an object', async (_name, body) => {
    const { url, control } = await open();
    const answer = await send(`${url}/v1/streams/camera-1/objects/7`, 'PATCH', body);
    expect(answer).toMatchObject({ status: 400, body: { code: 'TRACKCAST_REQUEST_INVALID' } });
    expect(control.calls).toEqual([]);
  });

  it('refines, renames, removes and resets', async () => {
    const { url, control } = await open();
    const stream = `${url}/v1/streams/camera-1`;
    const refined = await send(`${stream}/prompts`, 'POST', { points: [{ x: 1, y: 1 }], objectId: 7 });
    expect(refined.body).toEqual({ objectId: 7 });
    expect((await send(`${stream}/objects/7`, 'PATCH', { label: 'grasper' })).status).toBe(204);
    expect((await send(`${stream}/objects/7`, 'PATCH', { label: null })).status).toBe(204);
    const change = { category: 'instrument', locked: true };
    expect((await send(`${stream}/objects/7`, 'PATCH', change)).status).toBe(204);
    expect((await send(`${stream}/objects/7`, 'DELETE')).status).toBe(204);
    expect((await send(`${stream}/reset`, 'POST')).status).toBe(204);
    expect(control.calls.slice(1)).toEqual([
      ['change', 'camera-1', 7, { label: 'grasper' }],
      ['change', 'camera-1', 7, { label: null }],
      ['change', 'camera-1', 7, { category: 'instrument', locked: true }],
      ['remove', 'camera-1', 7],
      ['reset', 'camera-1'],
    ]);
  });

  it.each([
    ['nothing', {}, 'points'],
    ['no points', { points: [] }, 'points'],
    ['too many points', { points: Array(65).fill({ x: 1, y: 1 }) }, 'points'],
    ['a point left of the picture', { points: [{ x: -1, y: 1 }] }, 'points.0.x'],
    ['an empty box', { box: { x: 0, y: 0, width: 0, height: 5 } }, 'box.width'],
    [
      'a mask and a box',
      { mask: { size: [1, 1], counts: '1' }, box: { x: 0, y: 0, width: 1, height: 1 } },
      'mask',
    ],
    ['an object id that is no number', { points: [{ x: 1, y: 1 }], objectId: '7' }, 'objectId'],
    ['a time that is no whole number', { points: [{ x: 1, y: 1 }], timestampNs: '1.5' }, 'timestampNs'],
    ['a time that a number cannot hold', { points: [{ x: 1, y: 1 }], timestampNs: 2 ** 60 }, 'timestampNs'],
    ['a label with a control character', { points: [{ x: 1, y: 1 }], label: 'a\u001b[2J' }, 'label'],
    ['a member that it does not know', { points: [{ x: 1, y: 1 }], colour: 'red' }, ''],
    ['a list', [], ''],
  ])('refuses a prompt with %s', async (_name, body, key) => {
    const { url, control } = await open();
    const response = await send(`${url}/v1/streams/camera-1/prompts`, 'POST', body);
    expect(response).toMatchObject({ status: 400, body: { code: 'TRACKCAST_REQUEST_INVALID', key } });
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(control.calls).toEqual([]);
  });

  it.each([
    [
      'an unknown stream',
      'DELETE',
      '/v1/streams/other/objects/7',
      undefined,
      404,
      'TRACKCAST_STREAM_UNKNOWN',
    ],
    [
      'an unknown object',
      'DELETE',
      '/v1/streams/camera-1/objects/9',
      undefined,
      404,
      'TRACKCAST_OBJECT_UNKNOWN',
    ],
    [
      'an object id that is none',
      'DELETE',
      '/v1/streams/camera-1/objects/x',
      undefined,
      400,
      'TRACKCAST_REQUEST_INVALID',
    ],
    [
      'a stream id that is none',
      'DELETE',
      '/v1/streams/a%20b/objects/7',
      undefined,
      400,
      'TRACKCAST_REQUEST_INVALID',
    ],
    ['broken JSON', 'POST', '/v1/streams/camera-1/prompts', '{"points":', 400, 'TRACKCAST_REQUEST_INVALID'],
    [
      'a body over the limit',
      'POST',
      '/v1/streams/camera-1/prompts',
      `"${'x'.repeat(1100000)}"`,
      413,
      'TRACKCAST_REQUEST_INVALID',
    ],
    ['a broken URL', 'GET', '/v1/streams/%zz', undefined, 400, 'TRACKCAST_REQUEST_INVALID'],
    ['a path without anything', 'GET', '/v1/nothing', undefined, 404, undefined],
  ])('answers %s with a problem', async (_name, method, path, body, status, code) => {
    const { url, errors } = await open();
    const response = await send(url + path, method, body);
    expect(response.status).toBe(status);
    expect(response.body).toMatchObject({ status, ...(code === undefined ? {} : { code }) });
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(errors).toEqual([]);
  });

  it('tells the operator, not the client, about unforeseen errors', async () => {
    const { url, errors } = await open();
    const response = await send(`${url}/v1/streams/broken/reset`, 'POST');
    expect(response.status).toBe(500);
    expect(JSON.stringify(response.body)).not.toContain('secret');
    expect(errors).toEqual([expect.objectContaining({ message: 'secret detail' })]);
  });
});

describe('access', () => {
  const [viewer, operator, publisher] = tokens.map(({ token }) => token);
  const routes = [
    ['GET', '/v1/streams', [401, 200, 200, 403]],
    ['GET', '/v1/streams/camera-1', [401, 200, 200, 403]],
    ['POST', '/v1/streams/camera-1/reset', [401, 403, 204, 403]],
    ['DELETE', '/v1/streams/camera-1/objects/7', [401, 403, 204, 403]],
    ['GET', '/healthz', [200, 200, 200, 200]],
    ['GET', '/readyz', [200, 200, 200, 200]],
  ] as const;

  it.each(routes)('%s %s for nobody, viewer, operator, publisher: %j', async (method, path, expected) => {
    const { url } = await open({ tokens });
    const statuses: number[] = [];
    for (const token of [undefined, viewer, operator, publisher]) {
      const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const response = await send(url + path, method, undefined, headers);
      statuses.push(response.status);
      if (response.status === 401) expect(response.headers.get('www-authenticate')).toBe('Bearer');
    }
    expect(statuses).toEqual(expected);
  });

  it('asks for a token for metrics beyond loopback only', async () => {
    const inside = await open({ tokens });
    expect((await fetch(`${inside.url}/metrics`)).status).toBe(200);
    const outside = await open({ tokens, host: '0.0.0.0' });
    const statuses: number[] = [];
    for (const token of ['', viewer, operator, publisher]) {
      statuses.push(
        (await fetch(`${outside.url}/metrics`, { headers: { authorization: `Bearer ${token}` } })).status,
      );
    }
    expect(statuses).toEqual([401, 200, 200, 403]);
  });

  it.each([
    ['/v1/live', [401, 101, 101, 403]],
    ['/v1/ingest/camera-1', [401, 403, 403, 101]],
  ])('upgrades %s for nobody, viewer, operator, publisher: %j', async (path, expected) => {
    const { url } = await open({ tokens });
    const byQuery: number[] = [];
    const byHeader: number[] = [];
    for (const token of [undefined, viewer, operator, publisher]) {
      byQuery.push(await upgradeStatus(`${url}${path}${token === undefined ? '' : `?token=${token}`}`));
      byHeader.push(
        await upgradeStatus(url + path, token === undefined ? {} : { authorization: `Bearer ${token}` }),
      );
    }
    expect(byQuery).toEqual(expected);
    expect(byHeader).toEqual(expected);
  });

  it('takes tokens from a query for WebSocket only', async () => {
    const { url } = await open({ tokens });
    expect((await fetch(`${url}/v1/streams?token=${viewer}`)).status).toBe(401);
  });

  it('refuses to be open to others', () => {
    const options = {
      host: '0.0.0.0',
      port: 0,
      tokens: [],
      allowedOrigins: [],
      webRoot: null,
      readiness: {},
    };
    const attempt = () =>
      new HttpServer({
        ...options,
        streams: {} as HttpServerOptions['streams'],
        metrics: async () => '',
        acceptLive: () => {},
        acceptIngest: () => {},
      });
    expect(attempt).toThrow(expect.objectContaining({ code: 'TRACKCAST_CONFIG_INVALID' }));
  });

  it('names the port when it is taken', async () => {
    const first = await open();
    await expect(serve({ port: first.port })).rejects.toMatchObject({
      code: 'TRACKCAST_CONFIG_INVALID',
      place: { key: 'HTTP_PORT' },
    });
  });
});

describe('foreign pages', () => {
  const allowed = 'https://console.example.org';

  it.each([
    ['none, as programs send', {}, 200, 101],
    ['its own', { origin: 'http://127.0.0.1:PORT' }, 200, 101],
    ['an allowed one', { origin: allowed }, 200, 101],
    ['another one', { origin: 'https://evil.example' }, 403, 403],
    ['another port of this machine', { origin: 'http://127.0.0.1:1' }, 403, 403],
    ['an opaque one', { origin: 'null' }, 403, 403],
    [
      'a name that was made to resolve to this machine',
      { origin: 'http://evil.example', host: 'evil.example' },
      403,
      403,
    ],
  ])('origin: %s', async (_name, headers, status, upgrade) => {
    const { port, url } = await open({ allowedOrigins: [allowed] });
    const filled = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value.replace('PORT', String(port))]),
    );
    expect(await rawStatus(port, filled)).toBe(status);
    expect(await upgradeStatus(`${url}/v1/live`, filled)).toBe(upgrade);
  });

  it('refuses a configured origin that is none', async () => {
    await expect(serve({ allowedOrigins: ['console.example.org'] })).rejects.toMatchObject({
      code: 'TRACKCAST_CONFIG_INVALID',
    });
  });

  it('are kept from framing, sniffing and scripts', async () => {
    const { url } = await open();
    const { headers } = await fetch(`${url}/healthz`);
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });
});

describe('WebSocket upgrades', () => {
  it('hand over live sockets with their subscription, and ingest sockets with their stream', async () => {
    const accepted: unknown[] = [];
    const { url } = await open({
      acceptLive: (_socket, subscription: LiveSubscription) => accepted.push(subscription),
      acceptIngest: (_socket, streamId) => accepted.push(streamId),
    });
    expect(await upgradeStatus(`${url}/v1/live?streams=a,b&masks=polygon&pictures=jpeg`)).toBe(101);
    expect(await upgradeStatus(`${url}/v1/live`)).toBe(101);
    expect(await upgradeStatus(`${url}/v1/ingest/camera-1`)).toBe(101);
    expect(accepted).toEqual([
      { streams: new Set(['a', 'b']), masks: 'polygon', pictures: true },
      { streams: 'all', masks: 'rle', pictures: false },
      'camera-1',
    ]);
  });

  it.each([
    ['/v1/live?masks=png', 400],
    ['/v1/live?pictures=png', 400],
    ['/v1/live?streams=a%20b', 400],
    ['/v1/live?streams=', 400],
    ['/v1/live?stream=a', 400],
    [`/v1/live?streams=${Array(257).fill('a').join()}`, 400],
    ['/v1/ingest/a%20b', 400],
    [`/v1/ingest/${'x'.repeat(129)}`, 400],
    ['/v1/ingest/', 404],
    ['/', 404],
    ['//', 404],
  ])('refuse %s with %i', async (path, status) => {
    const { url } = await open();
    expect(await upgradeStatus(url + path)).toBe(status);
  });

  it('take messages of 16 MiB from publishers and of 4 KiB from live clients', async () => {
    const received: number[] = [];
    const { url } = await open({
      acceptIngest: (socket) => {
        socket.on('message', (data: Buffer) => received.push(data.length));
      },
      acceptLive: () => {},
    });
    const closeCode = async (path: string, bytes: number) => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}${path}`);
      socket.on('error', () => {});
      await new Promise((resolve) => socket.on('open', resolve));
      const closed = new Promise<number>((resolve) => socket.on('close', resolve));
      socket.send(Buffer.alloc(bytes));
      disposals.push(() => socket.terminate());
      return closed;
    };
    void closeCode('/v1/ingest/a', 16 * 1024 * 1024);
    await expect.poll(() => received, { timeout: 10_000 }).toEqual([16 * 1024 * 1024]);
    expect(await closeCode('/v1/ingest/a', 16 * 1024 * 1024 + 1)).toBe(1009);
    expect(await closeCode('/v1/live', 4097)).toBe(1009);
  });

  it('outlive connections that break during the handshake', async () => {
    const { port, url } = await open();
    await new Promise<void>((resolve) => {
      const broken = request({
        port,
        host: '127.0.0.1',
        path: '/v1/live?masks=png',
        headers: { connection: 'upgrade', upgrade: 'websocket' },
      });
      broken.on('socket', (socket) => {
        socket.on('connect', () => {
          broken.end();
          setImmediate(() => socket.resetAndDestroy());
        });
      });
      broken.on('error', () => resolve());
    });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it('do not keep the server from closing', async () => {
    const server = await serve({ acceptLive: () => {} });
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/v1/live`);
    await new Promise((resolve) => socket.on('open', resolve));
    const closed = new Promise((resolve) => socket.on('close', resolve));
    await server.close();
    await closed;
  });
});

describe('the page', () => {
  function pageFolder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'trackcast-page-'));
    disposals.push(() => rmSync(folder, { recursive: true }));
    mkdirSync(join(folder, 'web', 'assets'), { recursive: true });
    writeFileSync(join(folder, 'secret.txt'), 'secret');
    writeFileSync(join(folder, 'web', 'index.html'), '<!doctype html><title>Trackcast</title>');
    writeFileSync(join(folder, 'web', 'assets', 'app.js'), 'export {};');
    writeFileSync(join(folder, 'web', '.env'), 'secret');
    writeFileSync(join(folder, 'web', 'notes.md'), 'secret');
    return join(folder, 'web');
  }

  it('is served without a token, with its types and security headers', async () => {
    const { url } = await open({ webRoot: pageFolder(), tokens });
    const index = await fetch(`${url}/?from=somewhere`);
    expect(index.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(index.headers.get('content-security-policy')).toContain("script-src 'self'");
    expect(await index.text()).toContain('<title>Trackcast</title>');
    const script = await fetch(`${url}/assets/app.js`);
    expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    const again = await fetch(`${url}/assets/app.js`, {
      headers: { 'if-none-match': script.headers.get('etag') ?? '' },
    });
    expect(again.status).toBe(304);
  });

  it.each([
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/assets/..%2f..%2fsecret.txt',
    '/.env',
    '/notes.md',
    '//etc/passwd',
  ])('does not serve %s', async (path) => {
    const { port } = await open({ webRoot: pageFolder() });
    expect(await rawStatus(port, {}, path)).toBe(404);
  });

  it('is an error when its folder is missing', async () => {
    await expect(serve({ webRoot: '/nowhere/at/all' })).rejects.toMatchObject({
      code: 'TRACKCAST_CONFIG_INVALID',
    });
  });
});
