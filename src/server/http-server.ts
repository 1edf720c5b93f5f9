import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import type { AccessToken } from '../config/access-token.ts';
import { TrackcastError } from '../errors.ts';
import { errorCode } from '../system-error.ts';
import { AccessControl, isLoopback } from './auth.ts';
import { addControlRoutes } from './control-routes.ts';
import { addOperationsRoutes, type Operations } from './operations-routes.ts';
import { OriginCheck } from './origin.ts';
import { readPageFiles } from './page-files.ts';
import { type Problem, toProblem, toProblemOf } from './problem.ts';
import type { StreamControl } from './stream-control.ts';
import { type WebSocketHandlers, WebSocketUpgrades } from './websocket-upgrades.ts';

export interface HttpServerOptions extends WebSocketHandlers, Omit<Operations, 'metricsNeedToken'> {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  readonly tokens: readonly AccessToken[];
  /** Web pages of other origins that may use the service, such as `https://console.example.org`. */
  readonly allowedOrigins: readonly string[];
  readonly streams: StreamControl;
  /** Folder of the page at `/`; null for none. */
  readonly webRoot: string | null;
  /** Told of unforeseen errors; the client learns only that there was one. */
  readonly onError?: (error: unknown) => void;
}

/** A mask of a large picture takes a few hundred kilobytes. */
const maxBodyBytes = 1024 * 1024;
const requestTimeoutMs = 30_000;

const securityHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; " +
    "connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
} as const;

/** Health, metrics, stream control, the page and WebSocket upgrades on one port. */
export class HttpServer {
  readonly #app: FastifyInstance;
  readonly #upgrades: WebSocketUpgrades;
  readonly #options: HttpServerOptions;

  /** @throws TrackcastError `TRACKCAST_CONFIG_INVALID` for an unsafe host, bad tokens, origins or page folder */
  constructor(options: HttpServerOptions) {
    const access = new AccessControl(options.host, options.tokens);
    const origins = new OriginCheck(options.allowedOrigins, access.isOpen);
    const metricsNeedToken = !isLoopback(options.host);
    const { onError } = options;
    const app = Fastify({
      bodyLimit: maxBodyBytes,
      requestTimeout: requestTimeoutMs,
      forceCloseConnections: true,
      // Stream ids have up to 128 characters, fastify's default is 100.
      routerOptions: { maxParamLength: 256 },
      // URLs that cannot be decoded reach neither hooks nor the error handler.
      frameworkErrors: (error, _request, reply) => {
        reply.headers(securityHeaders);
        sendProblem(reply, toProblem(error));
      },
    });
    app.addHook('onRequest', async (request, reply) => {
      reply.headers(securityHeaders);
      origins.require(request.headers);
    });
    app.setErrorHandler((error, _request, reply) => {
      const problem = toProblem(error);
      if (problem.status >= 500) onError?.(error);
      return sendProblem(reply, problem);
    });
    app.setNotFoundHandler((_request, reply) =>
      sendProblem(reply, toProblemOf(404, 'There is nothing here.')),
    );
    addOperationsRoutes(app, { ...options, metricsNeedToken }, access);
    addControlRoutes(app, options.streams, access);
    if (options.webRoot !== null) addPageRoutes(app, options.webRoot);
    this.#upgrades = new WebSocketUpgrades(access, origins, options);
    app.server.on('upgrade', this.#upgrades.handle);
    this.#app = app;
    this.#options = options;
  }

  /** Begins to serve. Rejects with `TRACKCAST_CONFIG_INVALID` when the address cannot be had. */
  async listen(): Promise<{ readonly host: string; readonly port: number }> {
    const { host, port } = this.#options;
    try {
      await this.#app.listen({ host, port });
    } catch (error) {
      const reason = errorCode(error);
      throw new TrackcastError(
        'TRACKCAST_CONFIG_INVALID',
        `The server cannot bind to ${host}:${port} (${reason}).`,
        { key: 'HTTP_PORT' },
        { cause: error },
      );
    }
    // Bound to a TCP port, so that the address is not a pipe's name.
    const address = this.#app.server.address() as AddressInfo;
    return { host, port: address.port };
  }

  /** Stops serving. Close live clients and publishers before, so that they hear why. */
  async close(): Promise<void> {
    const closed = this.#app.close();
    this.#upgrades.close();
    await closed;
  }
}

function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer');
  return reply.code(problem.status).type('application/problem+json').send(problem);
}

function addPageRoutes(app: FastifyInstance, webRoot: string): void {
  const files = readPageFiles(webRoot);
  app.get('/*', async (request, reply) => {
    const [path = ''] = request.url.split('?', 1);
    const file = files.get(path);
    if (file === undefined) return sendProblem(reply, toProblemOf(404, 'There is nothing here.'));
    reply.headers({ etag: file.etag, 'cache-control': 'no-cache' });
    if (request.headers['if-none-match'] === file.etag) return reply.code(304).send();
    return reply.type(file.contentType).send(file.body);
  });
}
