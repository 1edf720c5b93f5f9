import { describe, expect, it } from 'vitest';
import { TrackcastError } from '../src/errors.ts';
import { createLogger, readableLine } from '../src/log.ts';

function capture(level = 'trace', readable = false) {
  const lines: string[] = [];
  const stream = { write: (line: string) => lines.push(line) };
  return { lines, log: createLogger({ level, stream, readable }) };
}

describe('the logger', () => {
  it('writes one JSON object per line with a level by name', () => {
    const { lines, log } = capture();
    log.info({ streamId: 'or-3', frames: 3 }, 'stream started');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'info',
      msg: 'stream started',
      streamId: 'or-3',
      frames: 3,
    });
  });

  it('keeps less severe lines back', () => {
    const { lines, log } = capture('warn');
    log.info('no');
    log.warn('yes');
    expect(lines).toHaveLength(1);
  });

  it.each([
    { headers: { 'x-note': 'canary' } },
    { message: { headers: { 'x-note': 'canary' }, body: 'canary' } },
    { body: 'canary' },
    { data: Buffer.from('canary') },
    { authorization: 'canary' },
    { request: { cookie: 'canary', token: 'canary' } },
    { url: 'amqp://camera:canary@broker' },
  ])('withholds bodies, headers and secrets: %o', (fields) => {
    const { lines, log } = capture();
    log.info(fields, 'received');
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain('canary');
    expect(lines[0]).not.toContain(Buffer.from('canary').toJSON().data.join(','));
  });

  it('writes code, place and remedy of an error, and nothing that a library attached', () => {
    const { lines, log } = capture();
    const cause = Object.assign(new Error('closed'), { content: 'canary', fields: { note: 'canary' } });
    const err = new TrackcastError('TRACKCAST_CHUNK_INVALID', 'no sequence', { streamId: 'or-3' }, { cause });
    log.error({ err }, 'refused');
    expect(lines[0]).not.toContain('canary');
    expect(JSON.parse(lines[0] ?? '').err).toMatchObject({
      code: 'TRACKCAST_CHUNK_INVALID',
      place: { streamId: 'or-3' },
      remedy: err.remedy,
      cause: { message: 'closed' },
    });
  });

  it('can write for people', () => {
    const { lines, log } = capture('info', true);
    log.warn({ streamId: 'or-3', why: 'two words' }, 'frames dropped');
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} WARN {2}frames dropped streamId=or-3 why="two words"\n$/,
    );
  });

  it('shows an error to people with its remedy', () => {
    const line = JSON.stringify({
      level: 'error',
      time: '2026-01-02T03:04:05.678Z',
      msg: 'refused',
      err: { code: 'TRACKCAST_CHUNK_INVALID', message: 'no sequence', remedy: 'Correct it.' },
    });
    expect(readableLine(line)).toBe(
      '03:04:05.678 ERROR refused\n    TRACKCAST_CHUNK_INVALID: no sequence\n    Correct it.\n',
    );
  });
});
