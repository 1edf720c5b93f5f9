import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { errorCode } from '../src/system-error.ts';

describe('errorCode', () => {
  it("is the system's name of an error", async () => {
    const error = await readFile('/no/such/file').catch((reason: unknown) => reason);
    expect(errorCode(error)).toBe('ENOENT');
  });

  it.each([[new Error('no')], ['text'], [null], [{ code: 'ENOENT' }]])('is unknown of %o', (error) => {
    expect(errorCode(error)).toBe('unknown error');
  });
});
