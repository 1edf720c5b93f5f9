import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NalBitReader } from '../../src/ingest/annex-b-bits.ts';
import {
  readPictureParameterSet,
  readSequenceParameterSet,
  readSliceStart,
} from '../../src/ingest/h264-syntax.ts';
import { encodeClip, nalsOf, typeOfNal } from './h264-clips.ts';

describe('NalBitReader', () => {
  it.each([
    ['1', 0, 0],
    ['010', 1, 1],
    ['011', 2, -1],
    ['00100', 3, 2],
    ['00111', 6, -3],
    ['0001000', 7, 4],
  ])('reads the Exp-Golomb code %s', (code, unsigned, signed) => {
    const byte = Uint8Array.of(Number.parseInt(code.padEnd(8, '0'), 2));
    expect(new NalBitReader(byte, 0).unsigned()).toBe(unsigned);
    // 0 has two signs in JavaScript and one in the standard.
    expect(new NalBitReader(byte, 0).signed() + 0).toBe(signed);
  });

  it('leaves out emulation prevention bytes, and only those', () => {
    const reader = new NalBitReader(Uint8Array.of(0, 0, 3, 1, 3, 0, 0, 3, 0, 0, 3), 0);
    expect(Array.from({ length: 7 }, () => reader.bits(8))).toEqual([0, 0, 1, 3, 0, 0, 0]);
    expect(reader.exhausted).toBe(false);
    expect(reader.bits(8)).toBe(0);
    expect(reader.bits(8)).toBe(0);
    expect(reader.exhausted).toBe(true);
  });
});

describe('parameter sets', () => {
  const nals = nalsOf(encodeClip({ frames: 1, fps: 30, preset: 'fast' })[0] ?? new Uint8Array());
  const payload = (type: number) =>
    nals.find((nal) => typeOfNal(nal) === type)?.subarray(5) ?? new Uint8Array();

  it('of a high profile stream give the frame rate and the length of frame numbers', () => {
    expect(readSequenceParameterSet(payload(7), 0)).toMatchObject({
      id: 0,
      frameIntervalNs: 33_333_333n,
      frameNumberGapsAllowed: false,
      separateColourPlanes: false,
    });
    expect(readPictureParameterSet(payload(8), 0)).toEqual({ id: 0, sequenceParameterSetId: 0 });
  });

  it('that are cut short are refused, not guessed', () => {
    expect(readSequenceParameterSet(payload(7).subarray(0, 4), 0)).toBeNull();
    expect(readPictureParameterSet(new Uint8Array(), 0)).toBeNull();
    expect(readSliceStart(new Uint8Array(), 0)).toBeNull();
  });

  it('never throw and never hang, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const set = readSequenceParameterSet(bytes, 0);
        expect(set === null || (set.frameNumberBits >= 4 && set.frameNumberBits <= 16)).toBe(true);
        readPictureParameterSet(bytes, 0);
        readSliceStart(bytes, 0);
      }),
    );
  });
});
