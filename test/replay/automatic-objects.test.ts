import { describe, expect, it } from 'vitest';
import type { PromptScene, PromptStrategy } from '../../src/prompting/prompt-strategy.ts';
import { AutomaticObjects } from '../../src/replay/automatic-objects.ts';

describe('AutomaticObjects', () => {
  it('shows its strategy the picture, and no motion, which it does not measure', async () => {
    const scenes: PromptScene[] = [];
    const strategy: PromptStrategy = {
      name: 'saliency',
      propose: (scene) => {
        scenes.push(scene);
        return new Float32Array(0);
      },
    };
    const automatic = new AutomaticObjects({ strategy, intervalFrames: 1, maxObjects: 1 });
    const pixels = Uint8Array.from({ length: 8 * 8 * 3 }, (_, at) => (at % 3 === 0 ? 200 : 40));
    const picture = { source: { width: 32, height: 16 }, pixels, side: 8, live: [] };
    await automatic.find(0, picture, 0, () => Promise.reject(new Error('there is nothing to try')));
    expect(scenes).toHaveLength(1);
    expect(scenes[0]).toMatchObject({
      aspectRatio: 2,
      colours: { width: 8, contentWidth: 8, contentHeight: 8, colours: pixels },
      luma: { luma: new Uint8Array(64).fill(88), lumaWidth: 8, lumaHeight: 8 },
    });
    expect(scenes[0]?.motion).toBeUndefined();
  });
});
