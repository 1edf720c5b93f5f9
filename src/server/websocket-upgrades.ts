import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { maxChunkBytes } from '../ingest/chunk.ts';
import { type LiveSubscription, parseLiveSubscription } from '../publish/live-subscription.ts';
import { type AccessControl, bearerToken } from './auth.ts';
import { parseStreamId } from './control-requests.ts';
import type { OriginCheck } from './origin.ts';
import { toProblem, toProblemOf } from './problem.ts';

export interface WebSocketHandlers {
  readonly acceptLive: (socket: WebSocket, subscription: LiveSubscription) => void;
  /** At most `maxChunkBytes` a message. */
  readonly acceptIngest: (socket: WebSocket, streamId: string) => void;
}

/** Live clients have nothing to say. */
const maxLiveMessageBytes = 4096;
const ingestPath = /^\/v1\/ingest\/([^/]+)$/;

/** Checks requests for WebSocket connections and hands the sockets of those that pass over. */
export class WebSocketUpgrades {
  readonly #access: AccessControl;
  readonly #origins: OriginCheck;
  readonly #handlers: WebSocketHandlers;
  readonly #live = webSocketServer(maxLiveMessageBytes);
  readonly #ingest = webSocketServer(maxChunkBytes);
  readonly #connections = new Set<Duplex>();

  constructor(access: AccessControl, origins: OriginCheck, handlers: WebSocketHandlers) {
    this.#access = access;
    this.#origins = origins;
    this.#handlers = handlers;
  }

  /** Listener of an HTTP server's `upgrade` event. */
  readonly handle = (request: IncomingMessage, connection: Duplex, head: Buffer): void => {
    // Without a listener, a connection reset during the handshake would end the process.
    connection.on('error', () => connection.destroy());
    let accept: () => void;
    try {
      accept = this.#route(request, connection, head);
    } catch (error) {
      refuse(connection, toProblem(error));
      return;
    }
    this.#connections.add(connection);
    connection.on('close', () => this.#connections.delete(connection));
    accept();
  };

  /** Cuts the connections that their owners have not closed. */
  close(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  #route(request: IncomingMessage, connection: Duplex, head: Buffer): () => void {
    this.#origins.require(request.headers);
    const [path = '', query] = (request.url ?? '').split('?', 2);
    const parameters = new URLSearchParams(query);
    // Browsers cannot send headers with a WebSocket.
    const token = bearerToken(request.headers) ?? parameters.get('token') ?? undefined;
    if (path === '/v1/live') {
      this.#access.require('viewer', token);
      const subscription = parseLiveSubscription(parameters);
      return () =>
        this.#live.handleUpgrade(request, connection, head, (socket) =>
          this.#handlers.acceptLive(guarded(socket), subscription),
        );
    }
    const encodedId = ingestPath.exec(path)?.[1];
    if (encodedId !== undefined) {
      this.#access.require('publisher', token);
      const streamId = parseStreamId(encodedId);
      return () =>
        this.#ingest.handleUpgrade(request, connection, head, (socket) =>
          this.#handlers.acceptIngest(guarded(socket), streamId),
        );
    }
    return () => refuse(connection, toProblemOf(404, 'There is no WebSocket here.'));
  }
}

function webSocketServer(maxPayload: number): WebSocketServer {
  // Compression would cost time on the thread that serves everybody.
  return new WebSocketServer({ noServer: true, maxPayload, perMessageDeflate: false, clientTracking: false });
}

/** A protocol error of a client that nobody listens to would end the process; ws closes the socket by itself. */
function guarded(socket: WebSocket): WebSocket {
  return socket.on('error', () => {});
}

function refuse(connection: Duplex, problem: ReturnType<typeof toProblem>): void {
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    'Connection: close',
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  if (problem.status === 401) head.push('WWW-Authenticate: Bearer');
  connection.once('finish', () => connection.destroy());
  connection.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
