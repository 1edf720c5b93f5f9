import { describe, expect, it } from 'vitest';
import type { AccessRole } from '../../src/config/access-token.ts';
import { AccessControl, bearerToken, isLoopback } from '../../src/server/auth.ts';
import { tokens } from './serve.ts';

describe('isLoopback', () => {
  it.each(['localhost', '127.0.0.1', '127.8.9.10', '::1', '[::1]', '::ffff:127.0.0.1'])(
    'holds for %s',
    (host) => {
      expect(isLoopback(host)).toBe(true);
    },
  );

  it.each(['0.0.0.0', '::', '10.0.0.1', '127.example.org', 'localhost.example.org', ''])(
    'not for "%s"',
    (host) => {
      expect(isLoopback(host)).toBe(false);
    },
  );
});

describe('AccessControl', () => {
  it.each(['0.0.0.0', '::', '192.168.1.2'])('refuses to open %s without tokens', (host) => {
    expect(() => new AccessControl(host, [])).toThrow(
      expect.objectContaining({ code: 'TRACKCAST_CONFIG_INVALID', place: { key: 'HTTP_HOST' } }),
    );
    expect(() => new AccessControl(host, tokens)).not.toThrow();
  });

  it('refuses short and repeated tokens', () => {
    const [first] = tokens;
    const invalid = expect.objectContaining({ code: 'TRACKCAST_CONFIG_INVALID' });
    expect(() => new AccessControl('::1', [{ token: 'short', role: 'viewer' }])).toThrow(invalid);
    expect(() => new AccessControl('::1', [first, { ...first, role: 'operator' }])).toThrow(invalid);
  });

  it('lets everybody do everything on loopback without tokens', () => {
    const access = new AccessControl('127.0.0.1', []);
    for (const role of ['viewer', 'operator', 'publisher'] as const) access.require(role, undefined);
  });

  const granted: Record<AccessRole, readonly AccessRole[]> = {
    viewer: ['viewer'],
    operator: ['viewer', 'operator'],
    publisher: ['publisher'],
  };
  const matrix = tokens.flatMap(({ token, role }) =>
    (['viewer', 'operator', 'publisher'] as const).map(
      (needed) => [role, needed, granted[role].includes(needed), token] as const,
    ),
  );

  it.each(matrix)('token of a %s for what needs a %s: %s', (_own, needed, allowed, token) => {
    const access = new AccessControl('127.0.0.1', tokens);
    const attempt = () => access.require(needed, token);
    if (allowed) expect(attempt).not.toThrow();
    else expect(attempt).toThrow(expect.objectContaining({ code: 'TRACKCAST_FORBIDDEN' }));
  });

  it.each([undefined, '', 'viewer-token-012345678', 'viewer-token-0123456789x'])(
    'does not know %s',
    (token) => {
      const access = new AccessControl('127.0.0.1', tokens);
      expect(() => access.require('viewer', token)).toThrow(
        expect.objectContaining({ code: 'TRACKCAST_UNAUTHORIZED' }),
      );
    },
  );
});

describe('bearerToken', () => {
  it.each([
    ['Bearer abc.DEF-123', 'abc.DEF-123'],
    ['bearer abc', 'abc'],
    ['Basic abc', undefined],
    ['Bearer', undefined],
    ['Bearer a b', undefined],
    [undefined, undefined],
  ])('of %s is %s', (authorization, expected) => {
    expect(bearerToken(authorization === undefined ? {} : { authorization })).toBe(expected);
  });
});
