import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { type AccessRole, type AccessToken, minTokenLength } from '../config/access-token.ts';
import { TrackcastError } from '../errors.ts';

/** What a role may do: an operator may also do what a viewer may; a publisher sends video and nothing else. */
const includedRoles: Readonly<Record<AccessRole, readonly AccessRole[]>> = {
  viewer: ['viewer'],
  operator: ['viewer', 'operator'],
  publisher: ['publisher'],
};

/** Whether only programs on this machine can reach a server bound to `host`. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  if (bare === 'localhost') return true;
  if (isIP(bare) === 4) return bare.startsWith('127.');
  return isIP(bare) === 6 && (bare === '::1' || bare.startsWith('::ffff:127.'));
}

/** Decides who may do what. Without tokens, and so on loopback only, everybody may do everything. */
export class AccessControl {
  readonly #tokens: readonly { readonly digest: Buffer; readonly role: AccessRole }[];

  /**
   * @throws TrackcastError `TRACKCAST_CONFIG_INVALID` for a host that others can reach and no tokens, and for
   *   tokens that are short or given twice
   */
  constructor(host: string, tokens: readonly AccessToken[]) {
    if (tokens.length === 0 && !isLoopback(host)) {
      throw new TrackcastError(
        'TRACKCAST_CONFIG_INVALID',
        `Without tokens the server binds to loopback only, not to ${host}.`,
        { key: 'HTTP_HOST' },
      );
    }
    if (tokens.some(({ token }) => token.length < minTokenLength)) {
      throw new TrackcastError(
        'TRACKCAST_CONFIG_INVALID',
        `Access tokens have at least ${minTokenLength} characters.`,
        { key: 'HTTP_TOKENS' },
      );
    }
    if (new Set(tokens.map(({ token }) => token)).size !== tokens.length) {
      throw new TrackcastError('TRACKCAST_CONFIG_INVALID', 'An access token is given twice.', {
        key: 'tokens',
      });
    }
    this.#tokens = tokens.map(({ token, role }) => ({ digest: digest(token), role }));
  }

  get isOpen(): boolean {
    return this.#tokens.length === 0;
  }

  /**
   * Lets a request with a role's rights pass.
   *
   * @param token as `bearerToken` or a query gave it
   * @throws TrackcastError `TRACKCAST_UNAUTHORIZED` without a known token, `TRACKCAST_FORBIDDEN` for another role
   */
  require(role: AccessRole, token: string | undefined): void {
    if (this.isOpen) return;
    const own = token === undefined ? undefined : this.#roleOf(token);
    if (own === undefined) {
      throw new TrackcastError('TRACKCAST_UNAUTHORIZED', 'The request has no valid bearer token.');
    }
    if (!includedRoles[own].includes(role)) {
      throw new TrackcastError('TRACKCAST_FORBIDDEN', `The request needs a token with the role ${role}.`);
    }
  }

  /** Compares with every token, in a time that tells nothing about any of them. */
  #roleOf(token: string): AccessRole | undefined {
    const presented = digest(token);
    let found: AccessRole | undefined;
    for (const { digest: known, role } of this.#tokens) {
      if (timingSafeEqual(known, presented)) found = role;
    }
    return found;
  }
}

/** The token of an `Authorization: Bearer` header (RFC 6750, section 2.1). */
export function bearerToken(headers: IncomingHttpHeaders): string | undefined {
  return /^Bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(headers.authorization ?? '')?.[1];
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
