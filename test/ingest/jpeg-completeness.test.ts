import { describe, expect, it } from 'vitest';
import { isCompleteJpeg } from '../../src/ingest/jpeg-completeness.ts';

const start = [0xff, 0xd8];
const end = [0xff, 0xd9];
/** An application segment of six bytes that holds a whole image, as thumbnails are. */
const thumbnail = [0xff, 0xe1, 0, 6, ...start, ...end];
const scan = [0xff, 0xda, 0, 3, 7];
const data = [1, 0xff, 0, 2, 0xff, 0xd0, 3];

describe('isCompleteJpeg', () => {
  it.each<[string, number[], boolean]>([
    ['one scan', [...start, ...scan, ...data, ...end], true],
    ['several scans', [...start, ...scan, ...data, 0xff, 0xc4, 0, 2, ...scan, ...data, ...end], true],
    [
      'filling before markers',
      [...start, 0xff, 0xff, ...thumbnail, 0xff, ...scan, ...data, 0xff, ...end],
      true,
    ],
    ['more behind it', [...start, ...scan, ...data, ...end, 1, 2, 3], true],
    ['no end', [...start, ...scan, ...data], false],
    ['half an end', [...start, ...scan, ...data, 0xff], false],
    ['the end of a thumbnail', [...start, ...thumbnail, ...scan, ...data], false],
    ['a segment that goes on behind the end', [...start, 0xff, 0xe1, 0xff, 0xff, ...end], false],
    ['a segment cut in its length', [...start, 0xff, 0xe1, 0], false],
    ['nothing', [], false],
  ])('%s', (_, bytes, isComplete) => {
    expect(isCompleteJpeg(Uint8Array.from(bytes))).toBe(isComplete);
  });
});
