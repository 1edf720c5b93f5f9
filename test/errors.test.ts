import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { errorCodes, TrackcastError } from '../src/errors.ts';

const document = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');

describe('error codes', () => {
  it('are documented, each once, in their order', () => {
    const documented = [...document.matchAll(/^\| `(TRACKCAST_[A-Z_]+)` \| \S.* \| \S.* \|$/gm)];
    expect(documented.map(([, code]) => code)).toEqual(Object.keys(errorCodes));
  });

  it('come with what to do about them', () => {
    const error = new TrackcastError('TRACKCAST_STREAM_LIMIT', 'too many', { streamId: 'or-3' });
    expect(error.remedy).toBe(errorCodes.TRACKCAST_STREAM_LIMIT);
    expect(error.place).toEqual({ streamId: 'or-3' });
  });
});
