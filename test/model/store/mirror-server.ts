import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from 'vitest';

export type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** A server on loopback that plays a mirror. It is closed after each test. */
export class MirrorServer {
  readonly requests: IncomingMessage[] = [];
  readonly #server: Server;
  readonly url: string;

  private constructor(server: Server, url: string, requests: IncomingMessage[]) {
    this.#server = server;
    this.url = url;
    this.requests = requests;
  }

  /** @param handler told which request it is, from 1 */
  static async start(handler: Handler): Promise<MirrorServer> {
    const requests: IncomingMessage[] = [];
    const server = createServer((request, response) => {
      requests.push(request);
      handler(request, response, requests.length);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return new MirrorServer(server, `http://127.0.0.1:${port}`, requests);
  }

  /** What each request asked for, such as `bytes=5-`. */
  get ranges(): (string | undefined)[] {
    return this.requests.map(({ headers }) => headers.range);
  }

  /** Cuts all connections, in the middle of whatever they carry. */
  cut(): void {
    this.#server.closeAllConnections();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Starts mirrors that are closed after each test. */
export function mirrorPerTest(): (handler: Handler) => Promise<MirrorServer> {
  const running: MirrorServer[] = [];
  afterEach(async () => {
    for (const mirror of running.splice(0)) await mirror.close();
  });
  return async (handler) => {
    const mirror = await MirrorServer.start(handler);
    running.push(mirror);
    return mirror;
  };
}

export interface ServeOptions {
  readonly etag?: string;
  /** Sends the file up to this byte, and nothing more. */
  readonly stopAt?: number;
}

/** Answers as a file server does: whole, or the range that was asked for if the entity tag is still the same. */
export function serveFile(
  request: IncomingMessage,
  response: ServerResponse,
  content: Uint8Array,
  { etag, stopAt }: ServeOptions = {},
): void {
  const start = rangeStart(request, etag);
  if (start !== null && start >= content.length) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    return;
  }
  const body = content.subarray(start ?? 0, stopAt);
  const range = `bytes ${start ?? 0}-${content.length - 1}/${content.length}`;
  response.writeHead(start === null ? 200 : 206, {
    'content-length': content.length - (start ?? 0),
    ...(start === null ? {} : { 'content-range': range }),
    ...(etag === undefined ? {} : { etag }),
  });
  if (stopAt === undefined) response.end(body);
  else response.write(body);
}

function rangeStart({ headers }: IncomingMessage, etag: string | undefined): number | null {
  const match = /^bytes=(\d+)-$/.exec(headers.range ?? '');
  return match === null || headers['if-range'] !== etag ? null : Number(match[1]);
}
