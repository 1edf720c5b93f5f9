import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ReplaySummary } from '../src/commands/replay-run.ts';
import type { BenchmarkContext } from './benchmark.ts';
import type { Figure } from './figure.ts';

const program = fileURLToPath(new URL('../src/cli.js', import.meta.url));

/** The whole program in a process of its own, fed as by a camera. */
export async function benchRealtime({ videos, tell }: BenchmarkContext): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const { size, path } of await videos()) {
    tell(`replaying ${size} in real time`);
    const words = [program, 'replay', '--realtime', '--stream', 'bench', path];
    const { stdout } = await promisify(execFile)(process.execPath, words);
    figures.push(...figuresOf(size, JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')));
  }
  return figures;
}

function figuresOf(size: string, summary: ReplaySummary): Figure[] {
  const { frames, latencyMs, provenance } = summary;
  const figures: Figure[] = [];
  const add = (name: string, value: number, unit: string, better: Figure['better'], note?: string) =>
    figures.push({
      name: `live ${size}, ${name}`,
      value,
      unit,
      better,
      ...(note === undefined ? {} : { note }),
    });
  const dropped = Object.entries(frames.dropped).filter(([, count]) => count > 0);
  const drops = dropped.map(([reason, count]) => `${count} ${reason}`).join(', ');
  add('tracked', summary.trackedFps, 'frames/s', 'more', `${summary.tracks.seenPerFrame} objects a frame`);
  add('not tracked', frames.received - frames.tracked, 'frames', 'less', drops);
  add('segmentations', summary.segmentations / summary.seconds, '1/s', 'more');
  for (const [stage, name] of [
    ['decode', 'decoding'],
    ['queue', 'waiting'],
    ['track', 'tracking'],
    ['endToEnd', 'end to end'],
    ['endToEndPropagated', 'end to end, propagated'],
    ['endToEndSegmented', 'end to end, segmented'],
  ] as const) {
    const percentiles = latencyMs[stage];
    if (percentiles === null) continue;
    const count = stage === 'endToEndSegmented' ? `${provenance.segmented} frames` : undefined;
    add(`${name} p50`, percentiles.p50, 'ms', 'less', count);
    add(`${name} p99`, percentiles.p99, 'ms', 'less');
  }
  add('event loop delay p99', summary.eventLoopDelayMs.p99, 'ms', 'less');
  add('peak memory', summary.peakRssMb, 'MB', 'less');
  add('model ready after', summary.modelReadyMs, 'ms', 'less');
  return figures;
}
