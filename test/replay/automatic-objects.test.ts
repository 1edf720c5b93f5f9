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

  it.each([
    { preferredExtent: 'whole', clicks: [[8, 8]] },
    { preferredExtent: 'part', clicks: [[24, 8]] },
  ] as const)(
    'finds one of a thing and its part: the $preferredExtent',
    async ({ preferredExtent, clicks }) => {
      const side = 16;
      const rectangle = (width: number, height: number) =>
        Float32Array.from({ length: side * side }, (_, at) => {
          const [x, y] = [at % side, Math.floor(at / side)];
          return x >= 2 && x < 2 + width && y >= 2 && y < 2 + height ? 20 : -20;
        });
      const [whole, part] = [rectangle(8, 8), rectangle(4, 8)];
      const masks = new Float32Array(6 * side * side).fill(-20);
      masks.set(whole);
      masks.set(part, 3 * side * side);
      const proposed = {
        masks,
        ious: Float32Array.of(0.95, 0, 0, 0.95, 0, 0),
        objectScores: Float32Array.of(5, 5),
        pointers: new Float32Array(6),
      };
      const strategy: PromptStrategy = {
        name: 'auto_grid',
        propose: () => Float32Array.of(0.25, 0.5, 0.75, 0.5),
      };
      const automatic = new AutomaticObjects({ strategy, intervalFrames: 1, maxObjects: 9, preferredExtent });
      const picture = {
        source: { width: 32, height: 16 },
        pixels: new Uint8Array(8 * 8 * 3),
        side: 8,
        live: [],
      };
      expect(await automatic.find(0, picture, 0, async () => proposed)).toEqual(clicks);
    },
  );
});
