import { describe, expect, it } from 'vitest';
import type { Sequence } from '../../src/evaluation/sequence.ts';
import { selectSequences } from '../../src/evaluation/sequence-selection.ts';

function sequence(name: string, frames: number): Sequence {
  const pictures = Array.from({ length: frames }, (_, index) => `${name}/${index}.jpg`);
  return {
    name,
    group: 'a/b',
    pictures,
    annotations: new Map(pictures.map((path, index) => [index, path])),
    prompts: new Map([[2, 'prompt']]),
    framesPerSecond: null,
  };
}

const all = { names: null, firstFrame: 0, maxFrames: Number.POSITIVE_INFINITY };
const sequences = [sequence('black-swan', 4), sequence('dog', 8)];

describe('selectSequences', () => {
  it('takes everything unless told otherwise', () => {
    expect(selectSequences(sequences, all)).toEqual(sequences);
  });

  it('takes the sequences whose names contain one of the parts', () => {
    const named = (names: string[]) => selectSequences(sequences, { ...all, names }).map(({ name }) => name);
    expect(named(['swan'])).toEqual(['black-swan']);
    expect(named(['dog', 'swan'])).toEqual(['black-swan', 'dog']);
    expect(() => named(['dog', 'cat'])).toThrow(
      expect.objectContaining({ code: 'TRACKCAST_SOURCE_UNREADABLE' }),
    );
  });

  it('counts the frames of a part from 0, with their masks', () => {
    const [swan, dog] = selectSequences(sequences, { ...all, firstFrame: 2, maxFrames: 3 });
    expect(swan?.pictures).toEqual(['black-swan/2.jpg', 'black-swan/3.jpg']);
    expect([...(dog?.annotations ?? [])]).toEqual([
      [0, 'dog/2.jpg'],
      [1, 'dog/3.jpg'],
      [2, 'dog/4.jpg'],
    ]);
    expect([...(dog?.prompts ?? [])]).toEqual([[0, 'prompt']]);
  });

  it('leaves out sequences that are too short, and refuses to go on without any', () => {
    const from = (firstFrame: number) => selectSequences(sequences, { ...all, firstFrame });
    expect(from(5).map(({ name }) => name)).toEqual(['dog']);
    expect(() => from(8)).toThrow(expect.objectContaining({ code: 'TRACKCAST_SOURCE_UNREADABLE' }));
  });
});
