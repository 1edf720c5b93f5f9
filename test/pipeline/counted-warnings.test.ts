import { describe, expect, it } from 'vitest';
import { createLogger } from '../../src/log.ts';
import { CountedWarnings } from '../../src/pipeline/counted-warnings.ts';

function warningsInto(lines: Record<string, unknown>[]): CountedWarnings {
  const stream = { write: (line: string) => lines.push(JSON.parse(line)) };
  return new CountedWarnings(createLogger({ level: 'info', stream }));
}

describe('CountedWarnings', () => {
  it('writes one line for each kind, with how often it happened, and nothing until it is flushed', () => {
    const lines: Record<string, unknown>[] = [];
    const warnings = warningsInto(lines);
    for (let i = 0; i < 1000; i += 1) warnings.count('chunks refused', { reason: 'oversize' });
    warnings.count('chunks refused', { reason: 'empty' });
    expect(lines).toEqual([]);
    warnings.flush();
    warnings.flush();
    expect(lines).toMatchObject([
      { level: 'warn', msg: 'chunks refused', reason: 'oversize', times: 1000 },
      { level: 'warn', msg: 'chunks refused', reason: 'empty', times: 1 },
    ]);
  });

  it('stays small however many kinds there are', () => {
    const lines: Record<string, unknown>[] = [];
    const warnings = warningsInto(lines);
    for (let i = 0; i < 500; i += 1) warnings.count('a frame could not be tracked', { streamId: `s${i}` });
    warnings.flush();
    expect(lines).toHaveLength(51);
    expect(lines.at(-1)).toMatchObject({ msg: 'further warnings', times: 450 });
    expect(lines.reduce((sum, { times }) => sum + Number(times), 0)).toBe(500);
  });
});
