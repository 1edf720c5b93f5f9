import type { IncomingHttpHeaders } from 'node:http';
import { TrackcastError } from '../errors.ts';
import { isLoopback } from './auth.ts';

/**
 * Keeps foreign web pages out: their scripts could otherwise reach a server that its user's browser can reach.
 * Programs that are no browsers send no `Origin` and are not concerned.
 */
export class OriginCheck {
  readonly #allowed: ReadonlySet<string>;
  readonly #allowedHosts: ReadonlySet<string>;
  readonly #checkHost: boolean;

  /**
   * @param allowedOrigins such as `https://console.example.org`, besides the server's own
   * @param checkHost also refuse host names that are neither loopback nor of an allowed origin: where no token is
   *   asked for, a foreign name that resolves to this machine (DNS rebinding) would pass as the same origin
   * @throws TrackcastError `TRACKCAST_CONFIG_INVALID` for an origin that is none
   */
  constructor(allowedOrigins: readonly string[], checkHost: boolean) {
    for (const origin of allowedOrigins) {
      if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
        throw new TrackcastError(
          'TRACKCAST_CONFIG_INVALID',
          'An allowed origin is a scheme, a host and a port, such as https://console.example.org.',
          { key: 'allowedOrigins' },
        );
      }
    }
    this.#allowed = new Set(allowedOrigins);
    this.#allowedHosts = new Set(allowedOrigins.map((origin) => new URL(origin).host));
    this.#checkHost = checkHost;
  }

  /** @throws TrackcastError `TRACKCAST_FORBIDDEN` */
  require(headers: IncomingHttpHeaders): void {
    const host = headers.host ?? '';
    if (this.#checkHost && !this.#allowedHosts.has(host) && !isLoopback(hostName(host))) {
      throw new TrackcastError('TRACKCAST_FORBIDDEN', 'The request names a host that is not this one.');
    }
    const { origin } = headers;
    if (origin === undefined || this.#allowed.has(origin)) return;
    if (URL.canParse(origin) && new URL(origin).host === host.toLowerCase()) return;
    throw new TrackcastError('TRACKCAST_FORBIDDEN', 'Pages of this origin may not use the service.');
  }
}

function hostName(host: string): string {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : '';
}
