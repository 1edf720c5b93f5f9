import { describe, expect, it } from 'vitest';
import type { MaskLogits } from '../../../src/mask/mask-logits.ts';
import { AppearanceGallery } from '../../../src/tracker/identity/appearance-gallery.ts';
import { type Descriptor, toDescriptor } from '../../../src/tracker/identity/descriptor.ts';
import { type MaskShape, shapeOf } from '../../../src/tracker/identity/mask-shape.ts';
import { type KnownObject, resolveIdentities } from '../../../src/tracker/identity/resolve-identities.ts';

const grid = { width: 64, height: 36, spanX: 64, spanY: 36 };

function square(x: number, y: number, side = 8): MaskShape {
  const data = new Float32Array(grid.width * grid.height).fill(-8);
  for (let row = y; row < y + side; row++) data.fill(8, row * grid.width + x, row * grid.width + x + side);
  const shape = shapeOf({ ...grid, data } satisfies MaskLogits, grid);
  if (shape === null) throw new Error('the square lies outside');
  return shape;
}

/** Descriptors whose cosine is that of the angle between them, degrees. */
function look(degrees: number): Descriptor {
  const angle = (degrees * Math.PI) / 180;
  return toDescriptor([Math.cos(angle), Math.sin(angle)]) ?? new Float32Array(2);
}

function known(
  id: number,
  expected: MaskShape,
  looks: Descriptor,
  more: Partial<KnownObject> = {},
): KnownObject {
  const gallery = new AppearanceGallery();
  gallery.learn(looks);
  return {
    id,
    state: 'active',
    hiddenSeconds: 0,
    seniority: 0.6,
    expected,
    usualArea: expected.area,
    usualSimilarity: 0.95,
    similarity: (descriptor) => gallery.similarity(descriptor),
    search: { kind: 'not_found' },
    ...more,
  };
}

function found(shape: MaskShape, descriptor: Descriptor | null, score = 0.9): KnownObject['search'] {
  return { kind: 'found', shape, score, descriptor, colours: null, isPresumed: true };
}

describe('resolving identities', () => {
  it('leaves what every search found to the object that was searched', () => {
    const objects = [
      known(1, square(4, 4), look(0), { search: found(square(5, 4), look(2)) }),
      known(2, square(30, 4), look(90), { search: found(square(31, 4), look(88)) }),
    ];
    expect(resolveIdentities(objects, [])).toEqual({
      decisions: [{ kind: 'found' }, { kind: 'found' }],
      unknown: [],
    });
  });

  it('gives a hidden object a candidate that looks like it, under its old identity', () => {
    const hidden = known(7, square(4, 4), look(0), { state: 'occluded', hiddenSeconds: 2 });
    const { decisions, unknown } = resolveIdentities(
      [hidden],
      [{ shape: square(12, 6), descriptor: look(10) }],
    );
    expect(decisions).toMatchObject([{ kind: 'recognised', candidate: 0 }]);
    expect(unknown).toEqual([]);
  });

  it('leaves a candidate that looks different unknown, even where a hidden object was', () => {
    const hidden = known(7, square(4, 4), look(0), { state: 'occluded', hiddenSeconds: 2 });
    const { decisions, unknown } = resolveIdentities(
      [hidden],
      [{ shape: square(4, 4), descriptor: look(80) }],
    );
    expect(decisions).toEqual([{ kind: 'not_found' }]);
    expect(unknown).toEqual([0]);
  });

  it('wants a lost object to be far more alike than one that has just been hidden', () => {
    const candidate = { shape: square(14, 4), descriptor: look(45) };
    const occluded = known(7, square(4, 4), look(0), { state: 'occluded', hiddenSeconds: 1 });
    const lost = known(7, square(4, 4), look(0), { state: 'lost', hiddenSeconds: 20 });
    expect(resolveIdentities([occluded], [candidate]).unknown).toEqual([]);
    expect(resolveIdentities([lost], [candidate]).unknown).toEqual([0]);
    expect(resolveIdentities([lost], [{ ...candidate, descriptor: look(10) }]).unknown).toEqual([]);
  });

  it('tells two look-alikes apart by where they were', () => {
    const hidden = { state: 'occluded', hiddenSeconds: 1 } as const;
    const left = known(1, square(4, 14), look(0), hidden);
    const right = known(2, square(50, 14), look(0), hidden);
    const atRight = { shape: square(48, 14), descriptor: look(1) };
    const atLeft = { shape: square(7, 14), descriptor: look(1) };
    expect(resolveIdentities([left, right], [atRight, atLeft]).decisions).toMatchObject([
      { kind: 'recognised', candidate: 1 },
      { kind: 'recognised', candidate: 0 },
    ]);
  });

  it('gives what two searches found to one of them only, and says so of the other', () => {
    const shown = square(30, 14);
    const owner = known(1, square(30, 14), look(0), { search: found(shown, look(1), 0.9) });
    const strayed = known(2, square(10, 14), look(30), { search: found(square(31, 14), look(1), 0.9) });
    expect(resolveIdentities([strayed, owner], []).decisions).toEqual([
      { kind: 'merged', into: 1 },
      { kind: 'found' },
    ]);
  });

  it('gives what a new object and an old one both claim to the old one', () => {
    const shown = square(30, 14);
    const young = known(9, shown, look(0), { seniority: 0, search: found(shown, look(0), 0.95) });
    const old = known(1, shown, look(0), { search: found(square(31, 14), look(20), 0.8) });
    expect(resolveIdentities([old, young], []).decisions).toEqual([
      { kind: 'found' },
      { kind: 'merged', into: 1 },
    ]);
  });

  it('recognises the object that strayed in a candidate where it belongs', () => {
    const owner = known(1, square(30, 14), look(0), { search: found(square(30, 14), look(1)) });
    const strayed = known(2, square(10, 14), look(30), { search: found(square(31, 14), look(1)) });
    const { decisions } = resolveIdentities(
      [strayed, owner],
      [{ shape: square(10, 14), descriptor: look(31) }],
    );
    expect(decisions).toMatchObject([{ kind: 'recognised', candidate: 0 }, { kind: 'found' }]);
  });

  it('does not believe that an object in view has suddenly become something else', () => {
    const occluder = { search: found(square(4, 4), look(60)) };
    expect(resolveIdentities([known(7, square(4, 4), look(0), occluder)], []).decisions).toEqual([
      { kind: 'unlike' },
    ]);
    const ofManyLooks = known(7, square(4, 4), look(0), { ...occluder, usualSimilarity: 0.6 });
    expect(resolveIdentities([ofManyLooks], []).decisions).toEqual([{ kind: 'found' }]);
  });

  it('does not believe a mask that has suddenly spilled over, while one that shrinks may be half hidden', () => {
    const spilled = known(7, square(4, 4), look(0), { search: found(square(2, 2, 14), look(2)) });
    expect(resolveIdentities([spilled], []).decisions).toEqual([{ kind: 'unlike' }]);
    const halfHidden = known(7, square(4, 4), look(0), { search: found(square(4, 4, 3), look(2)) });
    expect(resolveIdentities([halfHidden], []).decisions).toEqual([{ kind: 'found' }]);
  });

  it('does not believe a search for a hidden object that found something else', () => {
    const hidden = known(7, square(4, 4), look(0), {
      state: 'occluded',
      hiddenSeconds: 2,
      search: found(square(4, 4), look(75)),
    });
    expect(resolveIdentities([hidden], []).decisions).toEqual([{ kind: 'unlike' }]);
  });

  it('does not take a thing of other colours for a hidden object, however alike it is otherwise', () => {
    const state = { state: 'occluded', hiddenSeconds: 2 } as const;
    const inColours = (colours: number): KnownObject =>
      known(7, square(4, 4), look(0), {
        ...state,
        search: {
          kind: 'found',
          shape: square(4, 4),
          score: 0.9,
          descriptor: look(2),
          colours,
          isPresumed: true,
        },
      });
    expect(resolveIdentities([inColours(0.02)], []).decisions).toEqual([{ kind: 'unlike' }]);
    expect(resolveIdentities([inColours(0.7)], []).decisions).toEqual([{ kind: 'found' }]);
  });

  it('never gives up what an object found for the sake of another that could have it too', () => {
    const sure = known(1, square(10, 14), look(0), { search: found(square(10, 14), look(0), 0.95) });
    const hidden = known(2, square(12, 14), look(5), { state: 'occluded', hiddenSeconds: 0.5 });
    const spare = { shape: square(40, 2, 7), descriptor: look(70) };
    expect(resolveIdentities([hidden, sure], [spare])).toEqual({
      decisions: [{ kind: 'not_found' }, { kind: 'found' }],
      unknown: [0],
    });
  });

  it('goes by overlap where nothing is known of looks', () => {
    const hidden = known(7, square(4, 4), look(0), {
      state: 'occluded',
      hiddenSeconds: 0.2,
      similarity: () => null,
    });
    const same = { shape: square(4, 4), descriptor: null };
    const apart = { shape: square(20, 4), descriptor: null };
    expect(resolveIdentities([hidden], [apart, same])).toMatchObject({
      decisions: [{ kind: 'recognised', candidate: 1 }],
      unknown: [0],
    });
  });
});
