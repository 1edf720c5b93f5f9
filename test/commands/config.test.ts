import { describe, expect, it } from 'vitest';
import { ProgramUnderTest } from '../system/service-process.ts';

describe('trackcast config', () => {
  it('prints the settings in effect with secrets masked', async () => {
    const program = new ProgramUnderTest(['config'], {
      AMQP_URL: 'amqp://camera:hunter2hunter2@broker.example:5672',
      HTTP_TOKENS: 'viewer:abcdefghijklmnopqrstuvwxyz',
    });
    expect(await program.ended).toBe(0);
    expect(program.stdout).toContain('broker.example');
    expect(program.stdout).toContain('VIDEO_BUFFER_SIZE');
    for (const secret of ['hunter2hunter2', 'abcdefghijklmnop']) expect(program.stdout).not.toContain(secret);
    expect(program.stderr).toBe('');
  });

  it('ends with code 1 and the names of all settings that are wrong', async () => {
    const program = new ProgramUnderTest(['config'], { HTTP_PORT: 'many', VIDEO_BUFER_SIZE: '30' });
    expect(await program.ended).toBe(1);
    expect(program.stdout).toBe('');
    expect(program.stderr).toContain('TRACKCAST_CONFIG_INVALID');
    expect(program.stderr).toMatch(/HTTP_PORT "many"/);
    expect(program.stderr).toMatch(/VIDEO_BUFER_SIZE .*did you mean VIDEO_BUFFER_SIZE/);
    expect(program.stderr).not.toContain('    at ');
  });
});
