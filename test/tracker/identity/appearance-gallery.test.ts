import { describe, expect, it } from 'vitest';
import { AppearanceGallery } from '../../../src/tracker/identity/appearance-gallery.ts';
import {
  cosine,
  type Descriptor,
  describeTokens,
  toDescriptor,
} from '../../../src/tracker/identity/descriptor.ts';

function look(degrees: number): Descriptor {
  const angle = (degrees * Math.PI) / 180;
  return toDescriptor([Math.cos(angle), Math.sin(angle)]) ?? new Float32Array(2);
}

describe('a gallery of an object’s looks', () => {
  it('knows nothing at first', () => {
    expect(new AppearanceGallery().similarity(look(0))).toBeNull();
  });

  it('finds an object like it when it looks as it did in any view', () => {
    const gallery = new AppearanceGallery();
    for (const degrees of [0, 60, 120]) gallery.learn(look(degrees));
    expect(gallery.similarity(look(61))).toBeCloseTo(Math.cos(Math.PI / 180));
    expect(gallery.similarity(look(90))).toBeCloseTo(Math.cos(Math.PI / 6));
  });

  it('stays small and keeps the first view, however long it learns', () => {
    const gallery = new AppearanceGallery();
    for (let step = 0; step < 1000; step++) gallery.learn(look((step * 37) % 360));
    expect(gallery.size).toBeLessThanOrEqual(6);
    expect(gallery.similarity(look(0))).toBeCloseTo(1);
  });

  it('takes views of neighbouring moments for one', () => {
    const gallery = new AppearanceGallery();
    for (let step = 0; step < 50; step++) gallery.learn(look(90 + step / 10));
    expect(gallery.size).toBe(1);
  });
});

describe('descriptors', () => {
  it('refuse to be compared with those of another model', () => {
    expect(() => cosine(new Float32Array(2), new Float32Array(3))).toThrow(RangeError);
  });

  it('are none where values have no length or are no numbers', () => {
    expect(toDescriptor([0, 0])).toBeNull();
    expect(toDescriptor([Number.NaN, 1])).toBeNull();
    expect(toDescriptor([Number.POSITIVE_INFINITY, 1])).toBeNull();
  });

  it('are the mean of the tokens that a mask covers', () => {
    const tokens = Float32Array.of(1, 0, 0, 1, -1, 0);
    expect(describeTokens(tokens, 2, Float32Array.of(0.5, 0.5, 0))).toEqual(look(45));
    expect(describeTokens(tokens, 2, Float32Array.of(0, 0, 1))).toEqual(Float32Array.of(-1, 0));
    expect(describeTokens(tokens, 2, new Float32Array(3))).toBeNull();
  });
});
