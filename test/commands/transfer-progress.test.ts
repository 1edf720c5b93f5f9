import { describe, expect, it } from 'vitest';
import { byteText } from '../../src/commands/byte-text.ts';
import { TransferProgress } from '../../src/commands/transfer-progress.ts';

describe('a size', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [12_345, '12.3 kB'],
    [999_499, '999 kB'],
    [999_500, '1.00 MB'],
    [156_008_466, '156 MB'],
    [898_083_611, '898 MB'],
    [4_294_967_296, '4.29 GB'],
    [5_000_000_000_000, '5000 GB'],
  ])('of %i bytes is %s', (bytes, text) => {
    expect(byteText(bytes)).toBe(text);
  });
});

describe('the progress of a transfer', () => {
  function transfer() {
    const clock = { now: 5000 };
    const lines: string[] = [];
    const progress = new TransferProgress(
      'tiny',
      (line) => lines.push(line),
      () => clock.now,
    );
    return { clock, lines, progress };
  }

  it('tells share, amount, rate and what is left', () => {
    const { clock, lines, progress } = transfer();
    progress.update('fetching', 0, 156_000_000);
    clock.now += 2000;
    progress.update('fetching', 39_000_000, 156_000_000);
    expect(lines).toEqual([
      'tiny  fetching  0 %  0 B of 156 MB',
      'tiny  fetching  25 %  39.0 MB of 156 MB  19.5 MB/s  0:06 left',
    ]);
  });

  it('counts the rate of what it has seen, not of what an earlier transfer left', () => {
    const { clock, lines, progress } = transfer();
    progress.update('fetching', 100_000_000, null);
    clock.now += 1000;
    progress.update('fetching', 101_000_000, null);
    expect(lines.at(-1)).toBe('tiny  fetching  101 MB  1.00 MB/s');
  });

  it('shows ten lines a second at most, and each new stage at once', () => {
    const { clock, lines, progress } = transfer();
    for (let i = 0; i < 100; i++) {
      progress.update('checking', i, null);
      clock.now += 10;
    }
    progress.update('fetching', 100, null);
    expect(lines).toHaveLength(11);
  });
});
