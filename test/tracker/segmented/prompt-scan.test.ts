import { describe, expect, it } from 'vitest';
import { detectorStrategy } from '../../../src/prompting/detector.ts';
import type { PromptScene, PromptStrategy } from '../../../src/prompting/prompt-strategy.ts';
import { noStrategy } from '../../../src/prompting/prompt-strategy.ts';
import { PromptScan } from '../../../src/tracker/segmented/prompt-scan.ts';

/** Twenty points along a line. */
const line: PromptStrategy = {
  name: 'auto_grid',
  propose: () => Float32Array.from({ length: 40 }, (_, at) => (at % 2 === 0 ? (at / 2 + 0.5) / 20 : 0.5)),
};

const scene = (isCovered: PromptScene['isCovered'] = () => false): PromptScene => ({
  aspectRatio: 1.5,
  isCovered,
});

/** Points of all runs until the round is over, x only. */
function rest(scan: PromptScan, seen = scene(), hasLiveTracks = true): number[][] {
  const runs: number[][] = [];
  while (scan.isPending) runs.push([...scan.take(seen, hasLiveTracks)].filter((_, at) => at % 2 === 0));
  return runs;
}

describe('PromptScan', () => {
  it('begins with the first frame and spreads its points over several runs', () => {
    const scan = new PromptScan(line, 30);
    scan.update(100, false, scene());
    expect(scan.rounds).toMatchObject({ first_frame: 1, interval: 0, scene_cut: 0 });
    const runs = rest(scan);
    expect(runs.length).toBeGreaterThan(1);
    expect(new Set(runs.flat()).size).toBe(20);
    expect(scan.prompts).toBe(20);
  });

  it('begins a round with the detector where its strategy uses one, and waits until both have had their turn', () => {
    const scan = new PromptScan({ ...line, usesDetector: true }, 30);
    scan.update(0, false, scene());
    expect([scan.takeDetection(), scan.takeDetection(), scan.isPending]).toEqual([true, false, true]);
    expect(rest(scan).flat()).toHaveLength(20);
    scan.update(30, false, scene());
    expect(scan.takeDetection()).toBe(true);
    scan.countBoxes(3);
    expect(scan.prompts).toBe(23);
  });

  it('counts rounds of the detector alone, which come at the usual interval', () => {
    const scan = new PromptScan(detectorStrategy, 30);
    for (let frame = 0; frame <= 60; frame++) {
      scan.update(frame, frame === 45, scene());
      expect(scan.takeDetection()).toBe(frame === 0 || frame === 30 || frame === 45);
      expect(scan.isPending).toBe(false);
    }
    expect(scan.rounds).toMatchObject({ first_frame: 1, interval: 1, scene_cut: 1 });
    scan.reset();
    scan.update(61, false, scene());
    expect(scan.takeDetection()).toBe(true);
  });

  it('asks no detector where its strategy uses none', () => {
    const scan = new PromptScan(line, 30);
    scan.update(0, false, scene());
    expect(scan.takeDetection()).toBe(false);
  });

  it('tries more points at a time where no live track has to wait for them', () => {
    const firstRun = (hasLiveTracks: boolean) => {
      const scan = new PromptScan(line, 30);
      scan.update(0, false, scene());
      rest(scan);
      scan.update(30, false, scene());
      return rest(scan, scene(), hasLiveTracks)[0]?.length ?? 0;
    };
    expect(firstRun(false)).toBeGreaterThan(firstRun(true));
  });

  it('begins again after the interval, when the last round is over', () => {
    const scan = new PromptScan(line, 30);
    scan.update(0, false, scene());
    scan.update(35, false, scene());
    expect(scan.rounds.interval).toBe(0);
    rest(scan);
    scan.update(29, false, scene());
    expect(scan.isPending).toBe(false);
    scan.update(30, false, scene());
    expect(scan.rounds).toMatchObject({ first_frame: 1, interval: 1, scene_cut: 0 });
    expect(scan.isPending).toBe(true);
  });

  it('begins at once at a scene cut, whatever was still to be tried', () => {
    const scan = new PromptScan(line, 30);
    scan.update(0, false, scene());
    scan.take(scene(), true);
    scan.update(1, true, scene());
    expect(scan.rounds).toMatchObject({ first_frame: 1, interval: 0, scene_cut: 1 });
    expect(rest(scan).flat()).toHaveLength(20);
  });

  it('passes over points that have been covered meanwhile, and does not count them', () => {
    const scan = new PromptScan(line, 30);
    scan.update(0, false, scene());
    const points = rest(
      scan,
      scene((x) => x < 0.5),
    ).flat();
    expect(points).toHaveLength(10);
    expect(points.every((x) => x > 0.5)).toBe(true);
    expect(scan.prompts).toBe(10);
  });

  it('never begins where only people prompt', () => {
    const scan = new PromptScan(noStrategy, 30);
    for (const frame of [0, 30, 60]) scan.update(frame, frame === 60, scene());
    expect(scan.isPending).toBe(false);
    expect(scan.rounds).toMatchObject({ first_frame: 0, interval: 0, scene_cut: 0 });
    expect(scan.take(scene(), true)).toHaveLength(0);
  });

  it('asks a strategy again soon that had nothing to try, and counts no such round', () => {
    let points = new Float32Array(0);
    const scan = new PromptScan({ name: 'motion', propose: () => points }, 30);
    for (let frame = 0; frame < 4; frame++) scan.update(frame, false, scene());
    points = Float32Array.of(0.5, 0.5);
    const begun = [4, 5, 6, 7, 8].find((frame) => {
      scan.update(frame, false, scene());
      return scan.isPending;
    });
    expect(begun).toBe(6);
    expect(scan.rounds).toMatchObject({ first_frame: 0, interval: 1, scene_cut: 0 });
    rest(scan);
    for (let frame = 9; frame < 36; frame++) scan.update(frame, false, scene());
    expect(scan.isPending).toBe(false);
    scan.update(36, false, scene());
    expect(scan.isPending).toBe(true);
  });

  it('shows the strategy every frame, before it asks', () => {
    const seen: string[] = [];
    const strategy: PromptStrategy = {
      name: 'motion',
      observe: () => seen.push('observed'),
      propose: () => {
        seen.push('asked');
        return Float32Array.of(0.5, 0.5);
      },
    };
    const scan = new PromptScan(strategy, 30);
    for (let frame = 0; frame < 3; frame++) scan.update(frame, false, scene());
    expect(seen).toEqual(['observed', 'asked', 'observed', 'observed']);
  });

  it('starts over after a reset', () => {
    const scan = new PromptScan(line, 30);
    scan.update(0, false, scene());
    scan.reset();
    expect(scan.isPending).toBe(false);
    scan.update(1, false, scene());
    expect(scan.rounds.first_frame).toBe(2);
  });
});
