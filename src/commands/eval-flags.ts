import { InvalidArgumentError } from 'commander';
import { type PromptStrategyName, promptStrategyNames } from '../prompting/prompt-strategy.ts';
import type { VideoTracker } from '../tracker/video-tracker.ts';

/** What `eval` can be told. */
export interface EvalFlags {
  readonly tracker: VideoTracker['kind'];
  readonly model?: string;
  readonly imageSize?: number;
  readonly auto: boolean;
  readonly strategy?: readonly PromptStrategyName[];
  readonly promptsPerSecond: number;
  readonly fps?: number;
  readonly usualFps: number;
  readonly segmentationMs: number | 'measured';
  readonly lossless: boolean;
  readonly variants: readonly VariantName[];
  readonly sequences?: readonly string[];
  readonly firstFrame: number;
  readonly maxFrames: number;
  readonly json?: string;
  readonly calibration?: string;
  readonly overlays?: string;
}

/** Ways in which segmentation takes part. */
export const variantNames = ['default', 'propagation', 'every-frame'] as const;
export type VariantName = (typeof variantNames)[number];

/** Refuses what is no number above 0; `what` names it. */
export function positiveNumber(what: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!(value > 0)) throw new InvalidArgumentError(`not ${what} above 0`);
    return value;
  };
}

/** Refuses what is no index. */
export function frameIndex(text: string): number {
  const value = Number(text);
  if (text === '' || !Number.isInteger(value) || value < 0)
    throw new InvalidArgumentError('not a frame index');
  return value;
}

/** Milliseconds, or as long as it takes. */
export function segmentationTime(text: string): number | 'measured' {
  if (text === 'measured') return text;
  const value = Number(text);
  if (text === '' || !(value >= 0)) throw new InvalidArgumentError('not `measured` and no milliseconds');
  return value;
}

/** Parts of a list, without spaces around them. */
export function nameList(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('')) throw new InvalidArgumentError('a name is missing');
  return names;
}

/** Refuses variants that do not exist. */
export function variantList(text: string): VariantName[] {
  return knownNames(text, variantNames);
}

/** Refuses strategies that do not exist. */
export function strategyList(text: string): PromptStrategyName[] {
  return knownNames(text, promptStrategyNames);
}

function knownNames<Name extends string>(text: string, known: readonly Name[]): Name[] {
  return nameList(text).map((name) => {
    const found = known.find((one) => one === name);
    if (found === undefined) throw new InvalidArgumentError(`not one of ${known.join(', ')}`);
    return found;
  });
}
