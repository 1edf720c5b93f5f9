import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { type LiveSubscription, parseLiveSubscription } from '../../src/publish/live-subscription.ts';

/** A bare HTTP server that hands live sockets over, as the real one does after its checks. */
export async function startLiveServer(accept: (socket: WebSocket, subscription: LiveSubscription) => void) {
  const http = createServer();
  const webSockets = new WebSocketServer({ server: http });
  webSockets.on('connection', (socket, request) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
    accept(socket, parseLiveSubscription(searchParams));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}/v1/live`,
    close: async () => {
      for (const client of webSockets.clients) client.terminate();
      webSockets.close();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

export interface TestClient {
  readonly socket: WebSocket;
  readonly texts: string[];
  readonly binaries: Buffer[];
  readonly closed: Promise<number>;
}

export async function connectClient(url: string): Promise<TestClient> {
  const socket = new WebSocket(url);
  const texts: string[] = [];
  const binaries: Buffer[] = [];
  socket.on('message', (data: Buffer, isBinary) => {
    if (isBinary) binaries.push(data);
    else texts.push(data.toString());
  });
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  await new Promise((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
  });
  return { socket, texts, binaries, closed };
}
