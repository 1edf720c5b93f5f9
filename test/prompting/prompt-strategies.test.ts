import { describe, expect, it } from 'vitest';
import { createPromptStrategy } from '../../src/prompting/create-strategy.ts';
import { promptStrategyNames } from '../../src/prompting/prompt-strategy.ts';
import { describePromptStrategy } from './prompt-strategy-conformance.ts';

for (const name of promptStrategyNames) {
  // These two propose no points.
  if (name !== 'none' && name !== 'detector') describePromptStrategy(name, () => createPromptStrategy(name));
}

describe('createPromptStrategy', () => {
  it('lets a round begin with the detector where there is one, and the strategy wants it', () => {
    const using = (hasDetector: boolean) =>
      promptStrategyNames.filter((name) => createPromptStrategy(name, hasDetector).usesDetector);
    expect(using(false)).toEqual(['detector']);
    expect(using(true)).toEqual(['hybrid', 'detector']);
  });

  it('makes what was asked for', () => {
    expect(promptStrategyNames.map((name) => createPromptStrategy(name).name)).toEqual(promptStrategyNames);
  });
});
