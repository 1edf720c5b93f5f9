import { describe, expect, it } from 'vitest';
import { FeatureMemory } from '../../../src/tracker/mobile-sam/feature-memory.ts';

const tokenRows = 2;
const tokenColumns = 3;
const tokens = tokenRows * tokenColumns;

/** Tokens by which a frame is recognised. */
const tokensOf = (frameIndex: number) => new Float32Array(tokens * 4).fill(frameIndex);
const query = { tokenRows, tokenColumns, tokens: tokensOf(-1) };
const seen = (share = 0.5) => new Float32Array(tokens).fill(share);
const absent = () => new Float32Array(tokens);

/** Frames in which the memory shows an object, by index. */
function framesShowing(memory: FeatureMemory, objectId: number): number[] {
  return memory
    .frames(query, [objectId])
    .filter(({ values }) => (values[0] as number) > 0)
    .map((frame) => frame.tokens[0] as number);
}

describe('FeatureMemory', () => {
  it('remembers nothing at first, and nothing of a frame without objects', () => {
    const memory = new FeatureMemory();
    memory.remember(0, tokensOf(0), new Map());
    expect(memory.frameCount).toBe(0);
    expect(memory.frames(query, [1])).toEqual([]);
    expect(memory.knows(1)).toBe(false);
  });

  it('gives each object two columns: how much it covers, and whether it was known', () => {
    const memory = new FeatureMemory();
    const coverage = Float32Array.of(0, 0.25, 1, 0, 0, 0.5);
    memory.remember(0, tokensOf(0), new Map([[4, coverage]]));
    const [frame] = memory.frames(query, [9, 4]);
    const rows = Array.from({ length: tokens }, (_, token) => [
      ...(frame?.values.subarray(token * 4, token * 4 + 4) ?? []),
    ]);
    expect(rows).toEqual([...coverage].map((share) => [0, 0, share, 1]));
  });

  it('takes in more objects of the newest frame, which stays one frame', () => {
    const memory = new FeatureMemory();
    memory.rememberMore(5, tokensOf(5), new Map([[1, seen()]]));
    memory.rememberMore(5, tokensOf(5), new Map([[2, seen()]]));
    expect(memory.frameCount).toBe(1);
    expect([1, 2].map((id) => framesShowing(memory, id))).toEqual([[5], [5]]);
  });

  it('keeps its own copy of the tokens', () => {
    const memory = new FeatureMemory();
    const lent = tokensOf(5);
    memory.remember(5, lent, new Map([[1, seen()]]));
    lent.fill(0);
    expect(memory.frames(query, [1])[0]?.tokens).toEqual(tokensOf(5));
  });

  it('knows an object only if some frame shows it', () => {
    const memory = new FeatureMemory();
    memory.remember(0, tokensOf(0), new Map([[1, absent()]]));
    expect(memory.knows(1)).toBe(false);
    memory.remember(20, tokensOf(20), new Map([[1, seen(0.01)]]));
    expect(memory.knows(1)).toBe(true);
  });

  it('does not grow with time', () => {
    const memory = new FeatureMemory();
    const counts: number[] = [];
    for (let frame = 0; frame < 400; frame++) {
      const ids = [1, 2, frame];
      memory.remember(frame, tokensOf(frame), new Map(ids.map((id) => [id, seen()])));
      counts.push(memory.frameCount);
    }
    expect(Math.max(...counts)).toBeLessThanOrEqual(10);
    expect(counts.at(-1)).toBe(counts[200]);
  });

  it('keeps the first and the last view of an object that has gone', () => {
    const memory = new FeatureMemory();
    for (let frame = 0; frame < 400; frame += 10) {
      const first = frame < 100 ? seen() : absent();
      memory.remember(
        frame,
        tokensOf(frame),
        new Map([
          [1, first],
          [2, seen()],
        ]),
      );
    }
    const views = framesShowing(memory, 1);
    expect(views[0]).toBe(0);
    expect(views.at(-1)).toBe(90);
    expect(memory.knows(1)).toBe(true);
  });

  it('always has the newest frame, whose tokens count near their place only', () => {
    const memory = new FeatureMemory();
    for (let frame = 0; frame < 60; frame++) {
      memory.remember(frame, tokensOf(frame), new Map([[1, seen()]]));
      const frames = memory.frames(query, [1]);
      expect(frames.at(-1)?.tokens[0]).toBe(frame);
      expect(frames[0]?.reach).toBe('anywhere');
      if (frames.length > 1) expect(frames.at(-1)?.reach).toBe('window');
    }
  });

  it('forgets an object, and frames that only it needed', () => {
    const memory = new FeatureMemory();
    memory.remember(0, tokensOf(0), new Map([[1, seen()]]));
    memory.remember(
      20,
      tokensOf(20),
      new Map([
        [1, seen()],
        [2, seen()],
      ]),
    );
    memory.forget(1);
    expect(memory.knows(1)).toBe(false);
    expect(framesShowing(memory, 2)).toEqual([20]);
    expect(memory.frameCount).toBe(1);
    memory.clear();
    expect(memory.frameCount).toBe(0);
  });

  it('starts over when the picture changes its size', () => {
    const memory = new FeatureMemory();
    memory.remember(0, tokensOf(0), new Map([[1, seen()]]));
    const wide = { tokenRows, tokenColumns: 4, tokens: new Float32Array(32) };
    expect(memory.frames(wide, [1])).toEqual([]);
    memory.remember(20, wide.tokens, new Map([[1, new Float32Array(8).fill(1)]]));
    expect(memory.frameCount).toBe(1);
    expect(memory.frames(query, [1])).toEqual([]);
  });
});
