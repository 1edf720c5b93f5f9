import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quietCodecLog } from '../../src/ingest/codec-log.ts';
import type { LoadedSegmenter } from '../../src/tracker/segmentation.ts';
import { createSegmenter } from '../../src/tracker/segmenter-factory.ts';
import { filmScene } from '../support/scenes/scene-clip.ts';
import { sceneKinds } from '../support/scenes/scene-kinds.ts';
import { scoreScene } from '../support/scenes/score-scene.ts';
import { trackScene } from '../support/scenes/track-scene.ts';

/** `npm run bench -- identity` measures many more scenes. */
const longest = 300_000;
/** A quarter of the embedded model's size: looks take a few hundredths of a second. */
const smallGeometry = { kind: 'fit', longSide: 256, multipleOf: 16 } as const;
let segmenter: LoadedSegmenter;

beforeAll(async () => {
  quietCodecLog();
  segmenter = await createSegmenter({ executionProviders: ['cpu'], intraOpThreads: 1 });
}, longest);

afterAll(() => segmenter.dispose());

describe('identities in drawn scenes', () => {
  it(
    'survive an occlusion of ten frames',
    async () => {
      const clip = filmScene(sceneKinds['occlusion-10'](0));
      // At full size, since a hidden object is known again by the detail that memory has of it.
      const tracked = await trackScene(clip, { segmenter, strategy: 'none', shown: true });
      const score = scoreScene(tracked, clip.truth);
      expect(score).toMatchObject({ identities: [{ outcome: 'kept' }], switches: 0, duplicateTracks: 0 });
    },
    longest,
  );

  it(
    'survive dozens of rounds of prompting without a second track',
    async () => {
      const clip = filmScene({ ...sceneKinds.static(0), repromptIntervalFrames: 1 });
      const settings = { segmenter, geometry: smallGeometry, strategy: 'saliency', shown: false } as const;
      const score = scoreScene(await trackScene(clip, settings), clip.truth);
      expect(score.rounds).toBeGreaterThanOrEqual(30);
      const kept = score.identities.filter(({ outcome }) => outcome === 'kept');
      expect(kept.length).toBeGreaterThanOrEqual(3);
      expect(score).toMatchObject({ switches: 0, duplicateTracks: 0 });
    },
    longest,
  );
});
