import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { quietCodecLog } from '../src/ingest/codec-log.ts';
import type { Benchmark } from './benchmark.ts';
import { benchDecode } from './decode.ts';
import { type Figure, withBaseline } from './figure.ts';
import { benchIdentity } from './identity.ts';
import { identityFlags, identityOptionsOf, identityUsage } from './identity-flags.ts';
import { benchInteractive } from './interactive.ts';
import { benchMotion } from './motion.ts';
import { benchPropagation } from './propagation.ts';
import { benchRealtime } from './realtime.ts';
import { circumstances, describeFigures, storedResults, storeResults } from './results.ts';
import { benchRing } from './ring.ts';
import { benchSam2 } from './sam2.ts';
import { benchSam2Churn } from './sam2-churn.ts';
import { encodeScene, type SceneVideo } from './scene-video.ts';
import { benchScheduler } from './scheduler.ts';
import { benchSegmentation } from './segmentation.ts';
import { benchSoak } from './soak.ts';

const benchmarks: Readonly<Record<string, Benchmark>> = {
  decode: benchDecode,
  ring: benchRing,
  motion: benchMotion,
  propagation: benchPropagation,
  segmentation: benchSegmentation,
  realtime: benchRealtime,
  soak: benchSoak,
  sam2: benchSam2,
  'sam2-churn': benchSam2Churn,
  identity: benchIdentity,
  interactive: benchInteractive,
  scheduler: benchScheduler,
};
/** These take minutes and run only when they are named. */
const long = new Set(['soak', 'sam2', 'sam2-churn', 'identity', 'interactive', 'scheduler']);
const usual = Object.keys(benchmarks).filter((name) => !long.has(name));
const resultsFolder = join('bench', 'results');
const sizes = [
  [1280, 720],
  [1920, 1080],
] as const;
const videoFrames = 750;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    soak: { type: 'string' },
    baseline: { type: 'string' },
    'no-save': { type: 'boolean', default: false },
    ...identityFlags,
  },
});
const soakFrames = Number(values.soak ?? 10_000);
const names = positionals.length > 0 ? positionals : usual;
if (values.soak !== undefined && !names.includes('soak')) names.push('soak');
const identity = identityOptionsOf(values);
const unknown = names.find((name) => !(name in benchmarks));
if (unknown !== undefined || identity === null || !(Number.isInteger(soakFrames) && soakFrames >= 4000)) {
  process.stderr.write(
    `npm run bench -- [${Object.keys(benchmarks).join('] [')}] [--soak frames] [--baseline file] [--no-save]\n  identity: ${identityUsage}\n`,
  );
  process.exit(2);
}

quietCodecLog();
const tell = (text: string) => process.stderr.write(`  ${text}\n`);
const folder = await mkdtemp(join(tmpdir(), 'trackcast-bench-'));
let encoding: Promise<SceneVideo[]> | undefined;
const videos = (): Promise<SceneVideo[]> => {
  encoding ??= (async () => {
    tell('drawing and encoding the scene');
    const encoded: SceneVideo[] = [];
    for (const [width, height] of sizes) encoded.push(await encodeScene(width, height, videoFrames, folder));
    return encoded;
  })();
  return encoding;
};

const begun = circumstances();
const { cpu, cores, memoryGb, node, platform, load } = begun;
process.stdout.write(`${cpu}, ${cores} cores, ${memoryGb} GB, ${platform}, Node.js ${node}, load ${load}\n`);
if (load > 0.5) tell('the machine is busy: compare figures within this run only');
const earlier = await storedResults(resultsFolder);
const figures: Figure[] = [];
try {
  for (const name of names) {
    tell(name);
    const measured = await benchmarks[name]?.({ videos, soakFrames, identity, tell });
    figures.push(...(measured ?? []));
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
const beside = values.baseline === undefined ? {} : JSON.parse(await readFile(values.baseline, 'utf8'));
process.stdout.write(`${describeFigures(withBaseline(figures, beside), earlier)}\n`);
if (!values['no-save']) {
  const path = await storeResults(resultsFolder, { circumstances: begun, figures });
  process.stdout.write(`\nStored in ${path}\n`);
}
