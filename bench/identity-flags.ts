import { isSceneKind } from '../test/support/scenes/scene-kinds.ts';
import { defaultIdentityOptions, foundByNames, type IdentityOptions } from './identity.ts';

/** Options on the command line, for `parseArgs`. */
export const identityFlags = {
  kind: { type: 'string', multiple: true },
  variations: { type: 'string' },
  seed: { type: 'string' },
  'found-by': { type: 'string' },
  side: { type: 'string' },
  json: { type: 'string' },
  overlays: { type: 'string' },
} as const;

export const identityUsage =
  '[--kind name]... [--variations count] [--seed first] [--found-by person|strategy|both] [--side pixels] [--json file] [--overlays folder]';

interface IdentityFlagValues {
  readonly kind?: string[] | undefined;
  readonly variations?: string | undefined;
  readonly seed?: string | undefined;
  readonly 'found-by'?: string | undefined;
  readonly side?: string | undefined;
  readonly json?: string | undefined;
  readonly overlays?: string | undefined;
}

/** What the flags say; null when they make no sense. */
export function identityOptionsOf(values: IdentityFlagValues): IdentityOptions | null {
  const { kind, json, overlays } = values;
  const kinds = kind?.filter(isSceneKind) ?? defaultIdentityOptions.kinds;
  const variations = Number(values.variations ?? defaultIdentityOptions.variations);
  const firstSeed = Number(values.seed ?? defaultIdentityOptions.firstSeed);
  const side = Number(values.side ?? defaultIdentityOptions.side);
  const wanted = values['found-by'] ?? defaultIdentityOptions.foundBy;
  const foundBy = foundByNames.find((name) => name === wanted);
  const isCount = (value: number, least: number) => Number.isInteger(value) && value >= least;
  if (kind !== undefined && kinds.length !== kind.length) return null;
  if (!isCount(variations, 1) || !isCount(firstSeed, 0) || !isCount(side, 64)) return null;
  if (foundBy === undefined) return null;
  return {
    kinds,
    variations,
    firstSeed,
    foundBy,
    side,
    ...(json === undefined ? {} : { json }),
    ...(overlays === undefined ? {} : { overlays }),
  };
}
