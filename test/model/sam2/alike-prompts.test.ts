import { describe, expect, it } from 'vitest';
import { alikePrompts } from '../../../src/model/sam2/alike-prompts.ts';
import type { ObjectMemory, PromptGround, PromptRequest } from '../../../src/model/sam2/sam2-runtime.ts';

function prompt(ground: PromptGround, points: number, hasMask = false, multimask = false): PromptRequest {
  const labels = new Array<number>(points).fill(1);
  const sparse = { points: new Float32Array(2 * points), labels };
  return { ground, sparse, mask: hasMask ? new Float32Array(4) : null, multimask };
}

function remembered(memories: number): PromptGround {
  const memory: ObjectMemory = {
    memories: Array.from({ length: memories }, () => ({ memory: new Float32Array(1), row: 6 })),
    pointers: [{ pointer: new Float32Array(1), time: 1 }],
  };
  return { kind: 'remembered', memory };
}

const initial: PromptGround = { kind: 'initial' };
const raw: PromptGround = { kind: 'raw' };
const asMany = () => 100;

describe('alikePrompts', () => {
  it('puts prompts together that have the same ground, as many points, and a mask or none', () => {
    const requests = [
      prompt(initial, 1),
      prompt(initial, 2),
      prompt(raw, 1, true),
      prompt(initial, 1, true),
      prompt(initial, 1),
      prompt(raw, 1, true),
      prompt(remembered(3), 1),
      prompt(remembered(4), 1),
    ];
    expect(alikePrompts(requests, 16, asMany)).toEqual([[0, 4], [1], [2, 5], [3], [7, 6]]);
    expect(alikePrompts([], 16, asMany)).toEqual([]);
  });

  it('lets each prompt of a run choose among masks in its own way', () => {
    expect(alikePrompts([prompt(initial, 1, false, true), prompt(initial, 1)], 16, asMany)).toEqual([[0, 1]]);
  });

  it('has no more prompts in a run than there is room for', () => {
    const requests = Array.from({ length: 5 }, () => prompt(raw, 1, true));
    expect(alikePrompts(requests, 2, asMany)).toEqual([[0, 1], [2, 3], [4]]);
  });

  it('has no more memories in a run than there is room for', () => {
    const requests = [1, 6, 2, 1, 3].map((memories) => prompt(remembered(memories), 1));
    const room = (memories: number) => Math.max(1, Math.floor(6 / memories));
    expect(alikePrompts(requests, 16, room)).toEqual([[1], [4], [2], [0, 3]]);
    const alike = [3, 3, 2, 2].map((memories) => prompt(remembered(memories), 1));
    expect(alikePrompts(alike, 16, room)).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(alikePrompts(requests, 1, asMany)).toEqual([[1], [4], [2], [0], [3]]);
  });
});
