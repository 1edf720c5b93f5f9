import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Precision } from '../src/model/graph/graph-builder.ts';
import { openSam2, prepareSam2 } from '../src/model/sam2/open-sam2.ts';

/** What importing and opening a model took. */
export interface Loading {
  readonly importMs: number;
  /** Of all graphs; weights are beside them. */
  readonly graphBytes: number;
  readonly openMs: number;
  /** Largest resident set of the process, after one picture. */
  readonly peakBytes: number;
}

const [checkpoint = '', imageSize = '1024', precision = 'float32'] = process.argv.slice(2);
const options = {
  checkpoint,
  folder: dirname(checkpoint),
  imageSize: Number(imageSize),
  precision: precision as Precision,
};
const begun = performance.now();
const { graphs } = await prepareSam2(options);
const imported = performance.now();
const runtime = await openSam2({ ...options, executionProviders: ['cpu'], intraOpThreads: 1, fused: true });
const opened = performance.now();
(await runtime.encode(new Uint8Array(options.imageSize ** 2 * 3)))[Symbol.dispose]();
await runtime.dispose();
let graphBytes = 0;
for (const path of graphs.values()) graphBytes += (await stat(path)).size;
const loading: Loading = {
  importMs: imported - begun,
  graphBytes,
  openMs: opened - imported,
  peakBytes: process.resourceUsage().maxRSS * 1024,
};
process.stdout.write(JSON.stringify(loading));
