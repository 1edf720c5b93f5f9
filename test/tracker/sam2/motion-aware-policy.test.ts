import { describe, expect, it } from 'vitest';
import { motionAwarePolicy } from '../../../src/tracker/sam2/motion-aware-policy.ts';
import { absence, candidatesOf, openPolicy, outcomeOf, rectangles } from './policy-fixture.ts';

/** An object that moves one pixel to the right a frame. */
const at = (time: number) => rectangles([time, 10, 6, 6]);

/** The object's own mask is second; the decoder slightly prefers one elsewhere. */
function ambiguous(time: number) {
  const elsewhere = rectangles([0, 25, 6, 6]);
  return outcomeOf(elsewhere, {
    ious: Float32Array.of(0, 0.9, 0.85, 0.1),
    candidates: candidatesOf(elsewhere, at(time), elsewhere),
  });
}

describe('motion-aware memory', () => {
  it('prefers the mask that lies where motion leads, once the object was found well for a while', () => {
    const { object, keep } = openPolicy(motionAwarePolicy);
    object.restart?.(0, outcomeOf(at(0), { provenance: 'conditioned' }));
    for (let time = 1; time < 14; time++) {
      expect(object.choose?.(ambiguous(time), time)).toBe(1);
      keep(time, outcomeOf(at(time)));
    }
    keep(14, outcomeOf(at(14)));
    expect(object.choose?.(ambiguous(15), 15)).toBe(2);
  });

  it('leaves the choice to the decoder after a frame without the object', () => {
    const { object, keep } = openPolicy(motionAwarePolicy);
    for (let time = 0; time < 20; time++) keep(time, outcomeOf(at(time)));
    expect(object.choose?.(ambiguous(20), 20)).toBe(2);
    keep(20, absence);
    expect(object.choose?.(ambiguous(21), 21)).toBe(1);
  });

  it('trusts motion only after a while when a person shows the object anew', () => {
    const { object, keep } = openPolicy(motionAwarePolicy);
    const still = outcomeOf(at(9));
    for (let time = 0; time < 20; time++) keep(time, still);
    expect(object.choose?.(ambiguous(9), 20)).toBe(2);
    object.restart?.(20, { ...still, provenance: 'conditioned' });
    for (let time = 21; time < 34; time++) {
      keep(time, still);
      expect(object.choose?.(ambiguous(9), time + 1)).toBe(1);
    }
    keep(34, still);
    expect(object.choose?.(ambiguous(9), 35)).toBe(2);
  });

  it('lets a clearly better mask win against motion', () => {
    const { object, keep } = openPolicy(motionAwarePolicy);
    for (let time = 0; time < 20; time++) keep(time, outcomeOf(at(time)));
    const certain = { ...ambiguous(20), ious: Float32Array.of(0, 0.95, 0.5, 0.1) };
    expect(object.choose?.(certain, 20)).toBe(1);
  });

  it('keeps the newest six credible frames, and the older ones through bad stretches', () => {
    const { keep, recall, released, held } = openPolicy(motionAwarePolicy);
    for (let time = 0; time < 8; time++) keep(time, outcomeOf(at(time)));
    for (let time = 8; time < 12; time++) keep(time, absence);
    keep(12, outcomeOf(at(12), { ious: Float32Array.of(0.9, 0.45, 0.9, 0.9) }));
    expect(recall(13)).toEqual([
      [2, 5],
      [3, 4],
      [4, 3],
      [5, 2],
      [6, 1],
      [7, 0],
    ]);
    expect(released).toEqual([0, 1, 8, 9, 10, 11, 12]);
    expect(held()).toEqual([2, 3, 4, 5, 6, 7]);
  });

  it('does not remember a frame whose mask is nowhere near where motion leads', () => {
    const { keep, recall } = openPolicy(motionAwarePolicy);
    for (let time = 0; time < 20; time++) keep(time, outcomeOf(at(time)));
    keep(20, outcomeOf(rectangles([0, 25, 6, 6])));
    expect(recall(21).at(-1)).toEqual([19, 0]);
  });

  it('always remembers what a person corrected', () => {
    const { keep, recall } = openPolicy(motionAwarePolicy);
    keep(1, { ...absence, provenance: 'refined' });
    expect(recall(2)).toEqual([[1, 0]]);
  });
});
