import { describe, expect, it } from 'vitest';
import { defaultGates } from '../../../src/prompting/candidate-filter.ts';
import { IdentityKeeper } from '../../../src/tracker/identity/identity-keeper.ts';
import { ObjectTable } from '../../../src/tracker/object-table.ts';
import type { SegmentationResult } from '../../../src/tracker/segmentation.ts';
import { maskGrid } from '../../../src/tracker/segmentation.ts';
import { MaskCarrier } from '../../../src/tracker/segmented/mask-carrier.ts';
import { SearchResults } from '../../../src/tracker/segmented/search-results.ts';
import { blankFrame } from '../blank-frame.ts';

function open(frames: readonly number[]) {
  const table = new ObjectTable('a', 10, 1);
  const carrier = new MaskCarrier(table);
  for (const index of frames) carrier.moveTo(blankFrame(index));
  return {
    table,
    carrier,
    results: new SearchResults(table, carrier, new IdentityKeeper(table), defaultGates),
  };
}

function resultAbout(frameIndex: number, part: Partial<SegmentationResult> = {}): SegmentationResult {
  const grid = maskGrid(blankFrame(frameIndex).pixelSize);
  const timing = { encode: 1, match: 1, decode: 1, total: 3 };
  return { streamId: 'a', frameIndex, grid, objects: [], candidates: [], timing, ...part };
}

/** A square in the middle, surely an object. */
function candidate() {
  const { width, height } = maskGrid(blankFrame(0).pixelSize);
  const logits = new Float32Array(width * height).fill(-8);
  for (let y = height / 4; y < (3 * height) / 4; y++) {
    for (let x = width / 4; x < (3 * width) / 4; x++) logits[Math.floor(y) * width + Math.floor(x)] = 8;
  }
  return { logits, predictedIou: 0.95, stability: 0.95, x: 0.5, y: 0.5, descriptor: null };
}

describe('SearchResults', () => {
  it('makes an object of a good candidate', () => {
    const { table, results } = open([0, 1, 2]);
    results.integrate(resultAbout(1, { candidates: [candidate()] }), blankFrame(2));
    expect(table.size).toBe(1);
  });

  it('makes nothing of a look that began before the motion that is known', () => {
    const { table, results } = open([5, 6]);
    results.integrate(resultAbout(3, { candidates: [candidate()] }), blankFrame(6));
    expect(table.size).toBe(0);
    expect(results.rejected).toEqual({ outdated: 1 });
  });

  it('makes nothing of a look that began before a reset', () => {
    const { table, results } = open([0, 1, 2]);
    results.ignoreUpTo(1);
    results.integrate(resultAbout(1, { candidates: [candidate()] }), blankFrame(2));
    expect(table.size).toBe(0);
    results.integrate(resultAbout(2, { candidates: [candidate()] }), blankFrame(2));
    expect(table.size).toBe(1);
  });

  it('does not let an older look override what a person has shown', () => {
    const { table, carrier, results } = open([0, 1, 2, 3]);
    const object = table.create({ author: 'person', label: null, frameIndex: 2, timestampNs: 0n, score: 1 });
    object.correctedOn = 2;
    const found = {
      objectId: object.id,
      logits: candidate().logits,
      score: 1,
      appearance: null,
      descriptor: null,
    };
    const landed: number[] = [];
    const land = () => carrier.land(false, ({ objectId }) => landed.push(objectId));
    results.integrate(resultAbout(1, { objects: [found] }), blankFrame(3));
    land();
    expect(landed).toEqual([]);
    results.integrate(resultAbout(3, { objects: [found] }), blankFrame(3));
    land();
    expect(landed).toEqual([object.id]);
  });

  it('never removes a locked object, nor takes it for another one', () => {
    const { table, carrier, results } = open([0, 1]);
    const made = () =>
      table.create({ author: 'strategy', label: null, frameIndex: 0, timestampNs: 0n, score: 1 });
    const [other, locked, unseen] = [made(), made(), made()];
    locked.change({ locked: true, category: 'tool' });
    unseen.change({ locked: true });
    const seen = { score: 0.9, appearance: null, descriptor: null };
    const objects = [
      { objectId: other.id, logits: candidate().logits, ...seen },
      { objectId: locked.id, logits: candidate().logits, ...seen },
      { objectId: unseen.id, logits: null, ...seen },
    ];
    for (let look = 0; look < 6; look++) {
      results.integrate(resultAbout(1, { objects }), blankFrame(1));
      carrier.land(false, ({ objectId, mask }) => table.get(objectId).show(mask, 1, true));
    }
    expect([...table.all()].map(({ id }) => id)).toContain(locked.id);
    expect(locked.state).toBe('active');
    expect(locked.toTrack(128, 96, (size) => new Float32Array(size))).toMatchObject({
      category: 'tool',
      locked: true,
    });
    expect(unseen.state).toBe('occluded');
  });

  it('removes an automatic object that is not found even once again, and hides one of a person', () => {
    const { table, results } = open([0, 1]);
    const made = (author: 'person' | 'strategy') =>
      table.create({ author, label: null, frameIndex: 0, timestampNs: 0n, score: 1 }).id;
    const objects = [made('strategy'), made('person')].map((objectId) => ({
      objectId,
      logits: null,
      score: 0,
      appearance: null,
      descriptor: null,
    }));
    results.integrate(resultAbout(0, { objects }), blankFrame(1));
    expect([...table.all()].map(({ author, state }) => `${author} ${state}`)).toEqual(['person occluded']);
    expect(results.rejected).toEqual({ not_found_again: 1 });
  });

  describe('of a detector', () => {
    const detection = { box: { x: 1, y: 1, width: 9, height: 9 }, label: 'hook', score: 0.7 };

    it('makes an object with a name, which waits for no second look', () => {
      const { table, results } = open([0, 1]);
      results.integrate(resultAbout(0, { candidates: [{ ...candidate(), detection }] }), blankFrame(1));
      expect([...table.all()]).toMatchObject([{ label: 'hook', author: 'strategy', isOnProbation: false }]);
    });

    it('names objects that have no name yet, and leaves other names alone', () => {
      const { table, results } = open([0, 1]);
      const made = (label: string | null) =>
        table.create({ author: 'person', label, frameIndex: 0, timestampNs: 0n, score: 1 }).id;
      const sightings = [made(null), made('my tool'), 99].map((objectId) => ({
        objectId,
        label: 'hook',
        score: 1,
      }));
      const report = { sightings, tried: 0, failure: null };
      results.integrate(resultAbout(0, { detection: report }), blankFrame(1));
      expect([...table.all()].map(({ label }) => label)).toEqual(['hook', 'my tool']);
      expect(results.rejected).toEqual({});
    });

    it('counts its failures', () => {
      const { results } = open([0, 1]);
      const report = { sightings: [], tried: 0, failure: 'out of memory' };
      results.integrate(resultAbout(0, { detection: report }), blankFrame(1));
      expect(results.rejected).toEqual({ detector_failed: 1 });
    });
  });
});
