import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { type DownloadOptions, type DownloadProgress, download } from '../../../src/model/store/download.ts';
import { type MirrorServer, mirrorPerTest, serveFile } from './mirror-server.ts';
import { folderPerTest } from './store-fixture.ts';

const folder = folderPerTest();
const startMirror = mirrorPerTest();

// More than one read of a socket, and no two parts alike.
const content = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 31 + (index >> 8)) & 255);
const sha256 = createHash('sha256').update(content).digest('hex');

const options: DownloadOptions = {
  patience: { silenceMs: 5000, attempts: 3, firstWaitMs: 1, maxWaitMs: 2 },
  maxBytes: 1_000_000,
  expectedBytes: content.length,
};

function fetchTo(base: string, changes: Partial<DownloadOptions> = {}): Promise<string> {
  return download(new URL(`${base}/tiny.pt`), folder.path('tiny.part'), { ...options, ...changes });
}

/** Cuts the connections of a mirror each time that so many bytes have arrived. */
function cutAt(mirror: MirrorServer, ...places: readonly number[]) {
  return ({ stage, bytes }: DownloadProgress): void => {
    if (stage === 'fetching' && places.includes(bytes)) mirror.cut();
  };
}

async function expectWhole(downloading: Promise<string>): Promise<void> {
  expect(await downloading).toBe(sha256);
  expect(Buffer.compare(await readFile(folder.path('tiny.part')), content)).toBe(0);
}

describe('a download', () => {
  it('fetches a file, hashes it and tells how far it is', async () => {
    const mirror = await startMirror((request, response) => serveFile(request, response, content));
    const told: DownloadProgress[] = [];
    await expectWhole(fetchTo(mirror.url, { onProgress: (progress) => told.push(progress) }));
    expect(told.at(-1)).toEqual({ stage: 'fetching', bytes: content.length, total: content.length });
    expect(mirror.requests[0]?.headers).toMatchObject({ 'accept-encoding': 'identity', connection: 'close' });
  });

  it('sends the user and the password of a mirror, and notes neither', async () => {
    const mirror = await startMirror((request, response) =>
      serveFile(request, response, content, { etag: '"1"', stopAt: 1000 }),
    );
    const base = mirror.url.replace('http://', 'http://camera:hunter2@');
    const patience = { ...options.patience, attempts: 1 };
    const onProgress = cutAt(mirror, 1000);
    const error = await fetchTo(base, { patience, onProgress }).catch((reason: unknown) => reason);
    const expected = `Basic ${Buffer.from('camera:hunter2').toString('base64')}`;
    expect(mirror.requests[0]?.headers.authorization).toBe(expected);
    expect(JSON.stringify(error) + String(error)).not.toContain('hunter2');
    expect(await readFile(folder.path('tiny.part.json'), 'utf8')).not.toContain('hunter2');
  });

  it('goes on where the connection was cut', async () => {
    const mirror = await startMirror((request, response, count) =>
      serveFile(request, response, content, {
        etag: '"1"',
        ...(count < 3 ? { stopAt: count * 100_000 } : {}),
      }),
    );
    const reasons: string[] = [];
    const onProgress = cutAt(mirror, 100_000, 200_000);
    await expectWhole(fetchTo(mirror.url, { onProgress, onRetry: (reason) => reasons.push(reason) }));
    expect(mirror.ranges).toEqual([undefined, 'bytes=100000-', 'bytes=200000-']);
    expect(reasons).toHaveLength(2);
  });

  it('has as many attempts as there is progress', async () => {
    const places = [1, 2, 3, 4, 5, 6].map((count) => count * 40_000);
    const mirror = await startMirror((request, response, count) => {
      const stopAt = places[count - 1];
      serveFile(request, response, content, { etag: '"1"', ...(stopAt === undefined ? {} : { stopAt }) });
    });
    await expectWhole(fetchTo(mirror.url, { onProgress: cutAt(mirror, ...places) }));
    expect(mirror.requests).toHaveLength(7);
  });

  it('goes on with what an earlier process has left, hashed again', async () => {
    const mirror = await startMirror((request, response, count) =>
      serveFile(request, response, content, { etag: '"1"', ...(count === 1 ? { stopAt: 70_000 } : {}) }),
    );
    const patience = { ...options.patience, attempts: 1 };
    await expect(fetchTo(mirror.url, { patience, onProgress: cutAt(mirror, 70_000) })).rejects.toMatchObject({
      code: 'TRACKCAST_DOWNLOAD_FAILED',
    });
    const stages: string[] = [];
    await expectWhole(fetchTo(mirror.url, { onProgress: ({ stage }) => stages.push(stage) }));
    expect(mirror.ranges).toEqual([undefined, 'bytes=70000-']);
    expect(stages[0]).toBe('checking');
  });

  it('asks for nothing when all is there', async () => {
    const mirror = await startMirror((request, response) =>
      serveFile(request, response, content, { etag: '"1"' }),
    );
    await expectWhole(fetchTo(mirror.url));
    await expectWhole(fetchTo(mirror.url));
    expect(mirror.requests).toHaveLength(1);
  });

  it('begins anew when the file has changed on the server', async () => {
    const mirror = await startMirror((request, response, count) => {
      if (count === 1)
        serveFile(
          request,
          response,
          content.map((byte) => byte ^ 1),
          { etag: '"1"', stopAt: 50_000 },
        );
      else serveFile(request, response, content, { etag: '"2"' });
    });
    await expectWhole(fetchTo(mirror.url, { onProgress: cutAt(mirror, 50_000) }));
    expect(mirror.ranges).toEqual([undefined, 'bytes=50000-']);
  });

  it('begins anew where the server does not name the content', async () => {
    const mirror = await startMirror((request, response, count) =>
      serveFile(request, response, content, count === 1 ? { stopAt: 50_000 } : {}),
    );
    await expectWhole(fetchTo(mirror.url, { onProgress: cutAt(mirror, 50_000) }));
    expect(mirror.ranges).toEqual([undefined, undefined]);
  });

  it('begins anew when the server says that there is no more', async () => {
    const mirror = await startMirror((request, response, count) => {
      if (count === 2) response.writeHead(416).end();
      else serveFile(request, response, content, { etag: '"1"', ...(count === 1 ? { stopAt: 50_000 } : {}) });
    });
    await expectWhole(fetchTo(mirror.url, { onProgress: cutAt(mirror, 50_000) }));
    expect(mirror.ranges).toEqual([undefined, 'bytes=50000-', undefined]);
  });

  it.each([
    ['a strong entity tag', { etag: '"1"', 'last-modified': 'Sun, 28 Sep 2025 10:00:00 GMT' }, '"1"'],
    [
      'the date when the tag is weak',
      { etag: 'W/"1"', 'last-modified': 'Sun, 28 Sep 2025 10:00:00 GMT' },
      'Sun, 28 Sep 2025 10:00:00 GMT',
    ],
  ])('names the content by %s', async (_, names, expected) => {
    const mirror = await startMirror((_request, response, count) => {
      response.writeHead(200, { 'content-length': content.length, ...names });
      if (count === 1) response.write(content.subarray(0, 50_000));
      else response.end(content);
    });
    await expectWhole(fetchTo(mirror.url, { onProgress: cutAt(mirror, 50_000) }));
    expect(mirror.requests[1]?.headers['if-range']).toBe(expected);
  });

  it('begins anew from another mirror', async () => {
    const cut = await startMirror((request, response) =>
      serveFile(request, response, content, { etag: '"1"', stopAt: 50_000 }),
    );
    const patience = { ...options.patience, attempts: 1 };
    await expect(fetchTo(cut.url, { patience, onProgress: cutAt(cut, 50_000) })).rejects.toThrow();
    const whole = await startMirror((request, response) =>
      serveFile(request, response, content, { etag: '"1"' }),
    );
    await expectWhole(fetchTo(whole.url));
    expect(whole.ranges).toEqual([undefined]);
  });

  it.each([
    ['of another place', 'bytes 7-299999/300000'],
    ['of another file', 'bytes 50000-399999/400000'],
    ['that is not named', undefined],
  ])('begins anew when the server sends a part %s', async (_, range) => {
    const mirror = await startMirror((request, response, count) => {
      if (count !== 2) {
        serveFile(request, response, content, { etag: '"1"', ...(count === 1 ? { stopAt: 50_000 } : {}) });
        return;
      }
      response.writeHead(206, range === undefined ? {} : { 'content-range': range }).end(content.subarray(7));
    });
    await expectWhole(fetchTo(mirror.url, { onProgress: cutAt(mirror, 50_000) }));
    expect(mirror.ranges).toEqual([undefined, 'bytes=50000-', undefined]);
  });

  it('begins anew when what is there is longer than the file', async () => {
    const mirror = await startMirror((request, response) =>
      serveFile(request, response, content, { etag: '"1"' }),
    );
    await expectWhole(fetchTo(mirror.url));
    await truncate(folder.path('tiny.part'), content.length + 5);
    await expectWhole(fetchTo(mirror.url));
    expect(mirror.ranges).toEqual([undefined, undefined]);
  });

  it('begins anew when the note beside the part is damaged', async () => {
    const mirror = await startMirror((request, response) =>
      serveFile(request, response, content, { etag: '"1"' }),
    );
    await expectWhole(fetchTo(mirror.url));
    await writeFile(folder.path('tiny.part.json'), '{"url":');
    await expectWhole(fetchTo(mirror.url));
    expect(mirror.ranges).toEqual([undefined, undefined]);
  });

  it('fetches a file whose size the server does not tell', async () => {
    const mirror = await startMirror((_, response) => {
      response.writeHead(200, { 'transfer-encoding': 'chunked' }).end(content);
    });
    await expectWhole(fetchTo(mirror.url, { expectedBytes: null }));
  });
});

describe('an answer that is not the file', () => {
  async function failure(downloading: Promise<unknown>): Promise<string> {
    const error = await downloading.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'TRACKCAST_DOWNLOAD_FAILED' });
    return String(error);
  }

  it.each([
    [404, 1],
    [403, 1],
    [500, 3],
    [503, 3],
    [429, 3],
  ])('%i ends it after %i attempts', async (status, attempts) => {
    const mirror = await startMirror((_, response) => response.writeHead(status).end('no'));
    expect(await failure(fetchTo(mirror.url))).toContain(`answers ${status}`);
    expect(mirror.requests).toHaveLength(attempts);
    expect((await readFile(folder.path('tiny.part'))).length).toBe(0);
  });

  it('of another length is refused before its body', async () => {
    const page = Buffer.from('<html>sign in</html>');
    const mirror = await startMirror((request, response) => serveFile(request, response, page));
    expect(await failure(fetchTo(mirror.url))).toContain('sends 20 bytes, where the file has 300000');
    expect((await readFile(folder.path('tiny.part'))).length).toBe(0);
  });

  it('larger than anything that is taken is refused, whether its size is told or not', async () => {
    const limits = { expectedBytes: null, maxBytes: 1000 };
    const told = await startMirror((request, response) => serveFile(request, response, content));
    expect(await failure(fetchTo(told.url, limits))).toContain('more than the 1000');
    const untold = await startMirror((_, response) => {
      response.writeHead(200, { 'transfer-encoding': 'chunked' }).end(content);
    });
    expect(await failure(fetchTo(untold.url, limits))).toContain('more than 1000 bytes');
    expect((await readFile(folder.path('tiny.part'))).length).toBeLessThanOrEqual(1000);
  });

  it('compressed is refused', async () => {
    const mirror = await startMirror((_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(content),
    );
    expect(await failure(fetchTo(mirror.url))).toContain('gzip');
  });

  it('that never comes is given up', async () => {
    const mirror = await startMirror(() => {});
    const patience = { ...options.patience, silenceMs: 50 };
    expect(await failure(fetchTo(mirror.url, { patience }))).toContain('silent for 0.05 seconds');
    expect(mirror.requests).toHaveLength(3);
  });

  it('that stops in the middle is asked for again', async () => {
    const mirror = await startMirror((request, response, count) => {
      if (count > 1) serveFile(request, response, content, { etag: '"1"' });
      else
        response
          .writeHead(200, { 'content-length': content.length, etag: '"1"' })
          .write(content.subarray(0, 9));
    });
    await expectWhole(fetchTo(mirror.url, { patience: { ...options.patience, silenceMs: 300 } }));
    expect(mirror.ranges).toEqual([undefined, 'bytes=9-']);
  });

  it('of nobody says so', async () => {
    const mirror = await startMirror(() => {});
    await mirror.close();
    expect(await failure(fetchTo(mirror.url))).toContain('ECONNREFUSED');
  });
});

describe('a redirect', () => {
  it('is followed on the same host, with the range', async () => {
    const mirror = await startMirror((request, response, count) => {
      if (request.url === '/tiny.pt') response.writeHead(302, { location: '/elsewhere.pt?signed=1' }).end();
      else serveFile(request, response, content, { etag: '"1"', ...(count === 2 ? { stopAt: 10_000 } : {}) });
    });
    await expectWhole(fetchTo(mirror.url, { onProgress: cutAt(mirror, 10_000) }));
    expect(mirror.requests.map(({ url }) => url)).toEqual([
      '/tiny.pt',
      '/elsewhere.pt?signed=1',
      '/tiny.pt',
      '/elsewhere.pt?signed=1',
    ]);
    expect(mirror.ranges.at(-1)).toBe('bytes=10000-');
  });

  it.each([
    ['in a circle', '/tiny.pt', 'more than 5 times', 6],
    ['to another host without https', 'http://localhost.example/tiny.pt', 'away from https', 1],
    ['to a file', 'file:///etc/passwd', 'away from https', 1],
    ['to nowhere', 'http://', 'to nowhere', 1],
  ])('%s is not followed', async (_, location, message, requests) => {
    const mirror = await startMirror((_request, response) => response.writeHead(301, { location }).end());
    await expect(fetchTo(mirror.url)).rejects.toMatchObject({
      code: 'TRACKCAST_DOWNLOAD_FAILED',
      message: expect.stringContaining(message),
    });
    expect(mirror.requests).toHaveLength(requests);
  });
});

describe('an interruption', () => {
  it('ends a download with its reason and keeps what has arrived', async () => {
    const mirror = await startMirror((_, response) => {
      response
        .writeHead(200, { 'content-length': content.length, etag: '"1"' })
        .write(content.subarray(0, 5000));
    });
    const stop = new AbortController();
    const downloading = fetchTo(mirror.url, {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('stopped by a person')),
    });
    await expect(downloading).rejects.toThrow('stopped by a person');
    expect((await readFile(folder.path('tiny.part'))).length).toBe(5000);
    expect(existsSync(folder.path('tiny.part.json'))).toBe(true);
  });

  it('before it begins asks for nothing', async () => {
    const mirror = await startMirror((request, response) => serveFile(request, response, content));
    await expect(fetchTo(mirror.url, { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
    expect(mirror.requests).toHaveLength(0);
  });

  it('says when what arrives cannot be written', async () => {
    const mirror = await startMirror((request, response) => serveFile(request, response, content));
    const url = new URL(`${mirror.url}/tiny.pt`);
    await expect(download(url, folder.path('absent', 'tiny.part'), options)).rejects.toMatchObject({
      code: 'TRACKCAST_OUTPUT_UNWRITABLE',
    });
  });
});
