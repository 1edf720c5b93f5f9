import { describe, expect, it } from 'vitest';
import { colourOf as serviceColourOf } from '../../src/mask/palette.ts';
import { packPicture } from '../../src/publish/picture-packet.ts';
import { FramePairing } from '../../web/frame-pairing.js';
import { colourOf } from '../../web/palette.js';
import { readPicture } from '../../web/picture-packet.js';
import { StreamFigures } from '../../web/stream-figures.js';

describe('pairing of pictures and tracks', () => {
  it('brings halves of one frame together, whichever comes first', () => {
    const pairing = new FramePairing();
    expect(pairing.addMessage(0, 'm0')).toBeNull();
    expect(pairing.addPicture(0, 'p0')).toEqual({ index: 0, message: 'm0', picture: 'p0' });
    expect(pairing.addPicture(1, 'p1')).toBeNull();
    expect(pairing.addMessage(1, 'm1')).toEqual({ index: 1, message: 'm1', picture: 'p1' });
  });

  it('never joins different frames, and never goes back', () => {
    const pairing = new FramePairing();
    for (const index of [0, 1, 2, 3]) pairing.addMessage(index, `m${index}`);
    expect(pairing.addPicture(2, 'p2')).toEqual({ index: 2, message: 'm2', picture: 'p2' });
    expect(pairing.addPicture(5, 'p5')).toBeNull();
    expect(pairing.addMessage(4, 'm4')).toBeNull();
    expect(pairing.addMessage(5, 'm5')).toEqual({ index: 5, message: 'm5', picture: 'p5' });
  });

  it('starts again when indices do', () => {
    const pairing = new FramePairing();
    pairing.addMessage(900, 'old');
    pairing.addPicture(900, 'old');
    expect(pairing.addMessage(0, 'm0')).toBeNull();
    expect(pairing.addPicture(0, 'p0')).toEqual({ index: 0, message: 'm0', picture: 'p0' });
  });

  it('does not keep what never gets its other half', () => {
    const pairing = new FramePairing();
    for (let index = 0; index < 100; index++) pairing.addMessage(index, `m${index}`);
    expect(pairing.addPicture(10, 'p10')).toBeNull();
    expect(pairing.addPicture(95, 'p95')).toEqual({ index: 95, message: 'm95', picture: 'p95' });
  });
});

describe('picture messages', () => {
  const header = { streamId: 'or-3', frameIndex: 7, timestampNs: '1', width: 2, height: 2 };

  it('are read as the service packs them', () => {
    const packet = new Uint8Array(packPicture(header, Uint8Array.of(1, 2, 3)));
    expect(readPicture(packet.buffer)).toEqual({ ...header, jpeg: Uint8Array.of(1, 2, 3) });
  });

  it.each([
    ['empty', []],
    ['of another kind', [1, 2, 3, 4, 0, 0]],
    ['cut off', [84, 67, 80, 49, 200, 0, 123]],
  ])('are refused when %s', (_, bytes) => {
    expect(readPicture(new Uint8Array(bytes).buffer)).toBeNull();
  });
});

describe('colours', () => {
  it('are those of the service', () => {
    for (let id = 0; id < 60; id++) expect(colourOf(id)).toEqual(serviceColourOf(id));
  });
});

describe('figures', () => {
  const message = (index: number, total: number, provenance: 'segmented' | 'propagated') => ({
    frame: { index, timestampNs: String(BigInt(index) * 40_000_000n) },
    latencyMs: { total },
    provenance,
  });

  it('cover the last seconds only', () => {
    const figures = new StreamFigures();
    for (let index = 0; index < 200; index++) figures.add(message(index, 900, 'propagated'), index * 40);
    for (let index = 200; index < 400; index++) {
      figures.add(
        message(index, index % 10 === 0 ? 50 : 20, index % 4 === 0 ? 'segmented' : 'propagated'),
        index * 40,
      );
    }
    const { rate, cameraRate, segmented, median, high } = figures.summary(400 * 40);
    expect(rate).toBeCloseTo(25);
    expect(cameraRate).toBeCloseTo(25);
    expect(segmented).toBeCloseTo(0.25, 1);
    expect(median).toBe(20);
    expect(high).toBe(50);
  });

  it('count frames that never came, but not those lost on the way here', () => {
    const figures = new StreamFigures();
    for (const index of [0, 1, 5, 6]) figures.add(message(index, 1, 'segmented'), index);
    expect(figures.skipped).toBe(3);
    figures.excuse(2);
    expect(figures.skipped).toBe(1);
  });

  it('are unknown when nothing came for long', () => {
    const figures = new StreamFigures();
    figures.add(message(0, 1, 'segmented'), 0);
    figures.add(message(1, 1, 'segmented'), 40);
    expect(figures.summary(60_000).rate).toBeNull();
  });
});
