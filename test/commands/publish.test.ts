import { describe, expect, it } from 'vitest';
import { encodeClip, TemporaryFolder } from '../ingest/clip-fixture.ts';
import { ProgramUnderTest } from '../system/service-process.ts';

describe('trackcast publish', () => {
  it('ends with code 1 when there is no broker', async () => {
    const folder = new TemporaryFolder();
    const clip = folder.write('clip.h264', Buffer.concat(encodeClip({ frames: 5 })));
    const program = new ProgramUnderTest(['publish', clip, '--amqp', 'amqp://guest:guest@127.0.0.1:1']);
    expect(await program.ended).toBe(1);
    expect(program.stderr).toContain('TRACKCAST_BROKER_UNAVAILABLE');
    expect(program.stderr).not.toContain('    at ');
    folder.remove();
  });

  it.each([
    [['--chunk-bytes', '9-5'], '100-5000'],
    [['--speed', 'fast'], 'number above 0'],
    [['--sequence-start', '-1'], 'whole number'],
    [['--stream', 'a b'], 'stream id'],
  ])('refuses %j and says what it wants', async (flags, wanted) => {
    const program = new ProgramUnderTest(['publish', 'clip.mp4', ...flags]);
    expect(await program.ended).toBe(1);
    expect(program.stderr).toContain(wanted);
  });
});
