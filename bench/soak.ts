import { loadConfig } from '../src/config/load.ts';
import { FileSource } from '../src/ingest/file-source.ts';
import { createLogger } from '../src/log.ts';
import { createPipeline } from '../src/main.ts';
import { PipelineMetrics } from '../src/publish/metrics.ts';
import type { BenchmarkContext } from './benchmark.ts';
import { type Figure, slope } from './figure.ts';

const streamId = 'soak';
const framesPerSample = 1000;
/** The heaps and the ring have grown to their size by then. */
const warmUpFrames = 2000;

/** Frames without end through the whole pipeline, faster than it can track: does memory stay where it is? */
export async function benchSoak({ videos, soakFrames, tell }: BenchmarkContext): Promise<Figure[]> {
  const [video] = await videos();
  if (video === undefined) return [];
  const metrics = new PipelineMetrics({ processMetrics: false });
  const samples: { x: number; y: number }[] = [];
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const outputs = {
    onTrackFrame: () => {
      const received = metrics.ledger(streamId)?.received ?? 0;
      if (received >= (samples.length + 1) * framesPerSample) {
        const megabytes = process.memoryUsage.rss() / 1024 / 1024;
        samples.push({ x: received / 1000, y: megabytes });
        tell(`${received} frames, ${megabytes.toFixed(0)} MB`);
      }
      if (received >= soakFrames) finish();
    },
    onStreamStarted: () => {},
    onStreamEnded: () => finish(),
    onPicture: () => {},
  };
  const { values } = loadConfig({ environment: {} });
  const pipeline = await createPipeline(values, outputs, metrics, createLogger({ level: 'warn' }));
  let tracked = 0;
  let seconds = 0;
  try {
    await pipeline.ready;
    const pace = { kind: 'asFastAsPossible' } as const;
    const source = new FileSource({ path: video.path, streamId, loop: true, pace });
    const begun = performance.now();
    await pipeline.attach(source, { lossless: false });
    await finished;
    seconds = (performance.now() - begun) / 1000;
    tracked = metrics.ledger(streamId)?.tracked ?? 0;
  } finally {
    await pipeline.stop();
    metrics.close();
  }
  const settled = samples.filter(({ x }) => x * 1000 >= warmUpFrames);
  const list = samples.map(({ y }) => y.toFixed(0)).join(' ');
  return [
    {
      name: 'soak, memory growth',
      value: slope(settled),
      unit: 'MB/1000 frames',
      better: 'less',
      note: `MB: ${list}`,
    },
    { name: 'soak, memory at the end', value: samples.at(-1)?.y ?? 0, unit: 'MB', better: 'less' },
    { name: 'soak, decoded', value: soakFrames / seconds, unit: 'frames/s', better: 'more' },
    { name: 'soak, tracked', value: tracked / seconds, unit: 'frames/s', better: 'more' },
  ];
}
