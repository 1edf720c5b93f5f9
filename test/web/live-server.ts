import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import { type WebSocket, WebSocketServer } from 'ws';

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
};

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'";

/** Serves the page's files under a strict content policy, and stands in for the service's live endpoint. */
export class LiveServer {
  /** When set, the live endpoint wants it. */
  token: string | null = null;
  onConnection: (socket: WebSocket, query: URLSearchParams) => void = () => {};
  readonly requested: string[] = [];
  readonly #server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    this.requested.push(pathname);
    if (pathname === '/v1/streams') {
      const fine = this.token === null || request.headers.authorization === `Bearer ${this.token}`;
      response.writeHead(fine ? 200 : 401).end('[]');
      return;
    }
    const name = pathname === '/' ? '/index.html' : pathname;
    try {
      const body = await readFile(new URL(`../../web${name}`, import.meta.url));
      response.writeHead(200, {
        'content-type': types[extname(name)] ?? 'application/octet-stream',
        'content-security-policy': policy,
      });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  readonly #sockets = new WebSocketServer({ noServer: true });

  async listen(port = 0): Promise<string> {
    this.#server.on('upgrade', (request, socket, head) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
      const fine = this.token === null || searchParams.get('token') === this.token;
      if (pathname !== '/v1/live' || !fine) {
        socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, (client) => this.onConnection(client, searchParams));
    });
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  dropClients(): void {
    for (const client of this.#sockets.clients) client.terminate();
  }

  async close(): Promise<void> {
    this.dropClients();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
