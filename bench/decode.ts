import { FrameRing } from '../src/buffer/frame-ring.ts';
import { monotonicMs } from '../src/clock.ts';
import { H264Decoder } from '../src/ingest/h264-decoder.ts';
import { embeddedGeometry } from '../src/tracking-plan.ts';
import type { BenchmarkContext } from './benchmark.ts';
import { type Figure, median, percentile } from './figure.ts';
import type { SceneVideo } from './scene-video.ts';

const frames = 100;
const repeats = 3;

/** The decoder alone: picture, model pixels, luma and motion vectors into a ring that nobody reads. */
export async function benchDecode({ videos }: BenchmarkContext): Promise<Figure[]> {
  const times = new Map<SceneVideo, number[]>((await videos()).map((video) => [video, []]));
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    for (const [video, milliseconds] of times) milliseconds.push(...(await decodeOnce(video)));
  }
  return [...times].flatMap(([{ size }, milliseconds]) => {
    const typical = median(milliseconds);
    const note = `p99 ${percentile(milliseconds, 99).toFixed(2)} ms`;
    return [
      { name: `decode ${size}`, value: typical, unit: 'ms/frame', better: 'less', note },
      { name: `decode ${size}, one thread`, value: 1000 / typical, unit: 'frames/s', better: 'more' },
    ] satisfies Figure[];
  });
}

async function decodeOnce({ accessUnits }: SceneVideo): Promise<number[]> {
  const ring = FrameRing.create({
    streamId: 'bench',
    slots: 8,
    maxPixelBytes: 1024 * 1024 * 3,
    maxLumaBytes: 512 * 512,
    maxMotionVectors: 32_768,
    policy: 'overwrite-oldest',
  });
  using decoder = new H264Decoder({
    streamId: 'bench',
    geometry: embeddedGeometry,
    sink: { beginWrite: () => ring.tryBeginWrite() },
  });
  const milliseconds: number[] = [];
  for (const [sequence, data] of accessUnits.slice(0, frames).entries()) {
    const timestampNs = BigInt(sequence) * 40_000_000n;
    const begun = monotonicMs();
    await decoder.push({ sequence, timestampNs, data, endOfStream: false, receivedAtMs: begun });
    milliseconds.push(monotonicMs() - begun);
  }
  return milliseconds;
}
