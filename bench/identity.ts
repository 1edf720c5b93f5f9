import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writePicture } from '../src/evaluation/picture-file.ts';
import { textTable } from '../src/evaluation/text-table.ts';
import { createSegmenter } from '../src/tracker/segmenter-factory.ts';
import { filmScene } from '../test/support/scenes/scene-clip.ts';
import { type SceneKind, sceneKindNames, sceneKinds } from '../test/support/scenes/scene-kinds.ts';
import { contactSheet } from '../test/support/scenes/scene-overlays.ts';
import {
  type IdentityOutcome,
  identityOutcomes,
  type SceneScore,
  scoreScene,
} from '../test/support/scenes/score-scene.ts';
import { trackScene } from '../test/support/scenes/track-scene.ts';
import type { BenchmarkContext } from './benchmark.ts';
import { type Figure, median } from './figure.ts';

/** What is tracked, and how objects come to be known. */
export interface IdentityOptions {
  readonly kinds: readonly SceneKind[];
  readonly variations: number;
  readonly firstSeed: number;
  readonly foundBy: FoundBy;
  /** Longer side of what the model sees, pixels. */
  readonly side: number;
  /** File for the score of every scene; none is written without. */
  readonly json?: string;
  /** Folder for pictures of the scenes whose identities were not all kept. */
  readonly overlays?: string;
}

export const foundByNames = ['person', 'strategy', 'both'] as const;
/** A person who shows them on the first frame, the default strategy all the time, or both. */
export type FoundBy = (typeof foundByNames)[number];

export const defaultIdentityOptions: IdentityOptions = {
  kinds: sceneKindNames,
  variations: 1,
  firstSeed: 0,
  foundBy: 'both',
  side: 1024,
};

interface ScoredScene {
  readonly kind: SceneKind;
  readonly seed: number;
  readonly score: SceneScore;
}

/** Whether objects keep their ids through what happens in drawn scenes, with the embedded model in virtual time. */
export async function benchIdentity({ identity, tell }: BenchmarkContext): Promise<Figure[]> {
  const { kinds, variations, firstSeed, foundBy, side, json, overlays } = identity;
  if (overlays !== undefined) await mkdir(overlays, { recursive: true });
  const segmenter = await createSegmenter({ executionProviders: ['cpu'], intraOpThreads: 1 });
  const scored: ScoredScene[] = [];
  try {
    for (let seed = firstSeed; seed < firstSeed + variations; seed += 1) {
      for (const kind of kinds) {
        const clip = filmScene(sceneKinds[kind](seed));
        const tracked = await trackScene(clip, {
          segmenter,
          strategy: foundBy === 'person' ? 'none' : 'auto_grid',
          shown: foundBy !== 'strategy',
          geometry: { kind: 'fit', longSide: side, multipleOf: 16 },
        });
        const score = scoreScene(tracked, clip.truth);
        scored.push({ kind, seed, score });
        tell(`${clip.scene.name}: ${describe(score)}`);
        if (overlays !== undefined && score.identities.some(({ outcome }) => outcome !== 'kept')) {
          await writePicture(join(overlays, `${kind}-${seed}.png`), contactSheet(clip, tracked));
        }
        // Whole runs take long: what is there is kept if one is broken off.
        if (json !== undefined) {
          await writeFile(json, `${JSON.stringify({ foundBy, side, scenes: scored }, null, 1)}\n`);
        }
      }
    }
  } finally {
    await segmenter.dispose();
  }
  process.stdout.write(`${describeKinds(kinds, scored)}\n\n`);
  return kinds.flatMap((kind) => figuresOf(kind, scoresOf(kind, scored)));
}

function describe({ identities, switches, duplicateTracks, tracksOnNothing }: SceneScore): string {
  const outcomes = identities
    .map(({ objectId, outcome, found, searched }) => `${objectId} ${outcome} (${found} of ${searched} looks)`)
    .join(', ');
  return `${outcomes}; ${switches} switches, ${duplicateTracks} duplicates, ${tracksOnNothing} on nothing`;
}

function scoresOf(kind: SceneKind, scored: readonly ScoredScene[]): SceneScore[] {
  return scored.filter((scene) => scene.kind === kind).map(({ score }) => score);
}

/** A row for each kind: what became of identities, and everything counted, as sums over its scenes. */
function describeKinds(kinds: readonly SceneKind[], scored: readonly ScoredScene[]): string {
  const heads = ['', 'scenes', ...identityOutcomes.map((outcome) => outcome.replaceAll('_', ' '))];
  const rows = kinds.map((kind) => {
    const scores = scoresOf(kind, scored);
    const sum = (pick: (score: SceneScore) => number) =>
      String(scores.reduce((total, score) => total + pick(score), 0));
    return [
      kind,
      String(scores.length),
      ...identityOutcomes.map((outcome) => String(countOf(scores, outcome))),
      sum(({ switches }) => switches),
      sum(({ duplicateTracks }) => duplicateTracks),
      sum(({ duplicateFrames }) => duplicateFrames),
      sum(({ tracksOnNothing }) => tracksOnNothing),
      sum(({ partTracks }) => partTracks),
      sum(({ borderPrompts }) => borderPrompts),
      (scores.reduce((total, { meanOverlap }) => total + meanOverlap, 0) / scores.length).toFixed(2),
    ];
  });
  const counted = ['switches', 'duplicates', 'on frames', 'on nothing', 'parts', 'border prompts', 'IoU'];
  return textTable([...heads, ...counted], rows);
}

function countOf(scores: readonly SceneScore[], outcome: IdentityOutcome): number {
  return scores.flatMap(({ identities }) => identities).filter((identity) => identity.outcome === outcome)
    .length;
}

function figuresOf(kind: SceneKind, scores: readonly SceneScore[]): Figure[] {
  const identities = scores.flatMap((score) => score.identities);
  const asked = identities.filter(({ outcome }) => outcome !== 'not_tracked_before');
  const kept = asked.filter(({ outcome }) => outcome === 'kept');
  const delays = kept.flatMap(({ recoveredAfter }) => recoveredAfter ?? []);
  const perScene = (pick: (score: SceneScore) => number) =>
    scores.reduce((total, score) => total + pick(score), 0) / scores.length;
  const after = delays.length === 0 ? '' : `, after ${median(delays)} frames`;
  const less = { unit: 'per scene', better: 'less' } as const;
  const kinds: Figure[] = [
    { name: `identity ${kind}, switches`, value: perScene(({ switches }) => switches), ...less },
    {
      name: `identity ${kind}, duplicates`,
      value: perScene(({ duplicateTracks }) => duplicateTracks),
      ...less,
    },
    { name: `identity ${kind}, on nothing`, value: perScene((score) => score.tracksOnNothing), ...less },
  ];
  if (asked.length === 0) return kinds;
  const share: Figure = {
    name: `identity ${kind}, id kept`,
    value: (100 * kept.length) / asked.length,
    unit: '%',
    better: 'more',
    note: `${kept.length} of ${asked.length}${after}`,
  };
  return [share, ...kinds];
}
