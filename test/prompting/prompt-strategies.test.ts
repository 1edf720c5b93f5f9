import { describe, expect, it } from 'vitest';
import { createPromptStrategy } from '../../src/prompting/create-strategy.ts';
import { promptStrategyNames } from '../../src/prompting/prompt-strategy.ts';
import { describePromptStrategy } from './prompt-strategy-conformance.ts';

for (const name of promptStrategyNames) {
  if (name !== 'none') describePromptStrategy(name, () => createPromptStrategy(name));
}

describe('createPromptStrategy', () => {
  it('makes what was asked for', () => {
    expect(promptStrategyNames.map((name) => createPromptStrategy(name).name)).toEqual(promptStrategyNames);
  });
});
