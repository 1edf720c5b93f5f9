import { describe, expect, it } from 'vitest';
import { StreamMemories } from '../../src/pipeline/stream-memories.ts';

describe('StreamMemories', () => {
  it('remembers a closed stream for ten minutes', () => {
    const memories = new StreamMemories(1000, 16);
    const memory = memories.of('a', 0);
    memory.nextFrameIndex = 7;
    memories.prune(9 * 60_000);
    expect(memories.of('a', 0)).toBe(memory);
    memories.prune(10 * 60_000 + 1);
    expect(memories.of('a', 0)).toMatchObject({ nextFrameIndex: 0, nextTrackId: 1 });
  });

  it('forgets those that closed first when there are many, and never an open one', () => {
    const memories = new StreamMemories(1000, 16);
    const open = memories.of('open', 0);
    open.closedAtMs = Number.POSITIVE_INFINITY;
    const closed = Array.from({ length: 300 }, (_, at) => memories.of(`s${at}`, at));
    memories.prune(300);
    expect([...memories.all()]).toHaveLength(257);
    expect(memories.of('open', 0)).toBe(open);
    expect(memories.of('s299', 0)).toBe(closed[299]);
    expect(memories.of('s0', 0)).not.toBe(closed[0]);
  });
});
