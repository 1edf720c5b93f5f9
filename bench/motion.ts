import { monotonicMs } from '../src/clock.ts';
import { MotionEstimator } from '../src/tracker/propagation/motion-estimator.ts';
import { createMotionField } from '../src/tracker/propagation/motion-field.ts';
import type { BenchmarkContext } from './benchmark.ts';
import { type Figure, median, percentile } from './figure.ts';
import { decodedCopies } from './scene-video.ts';

const frames = 60;
const repeats = 3;

/** Motion of one picture against the one before, from the codec's vectors and the luma plane. */
export async function benchMotion({ videos }: BenchmarkContext): Promise<Figure[]> {
  const cases = await Promise.all(
    (await videos()).map(async (video) => ({
      size: video.size,
      pictures: await decodedCopies(video, frames, false),
      milliseconds: [] as number[],
    })),
  );
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    for (const { pictures, milliseconds } of cases) {
      const estimator = new MotionEstimator();
      // The estimator looks back at the field before: two take turns.
      const fields = pictures
        .slice(0, 2)
        .map(({ lumaWidth, lumaHeight }) => createMotionField(lumaWidth, lumaHeight));
      for (const [index, picture] of pictures.entries()) {
        const field = fields[index % fields.length];
        if (field === undefined) continue;
        const begun = monotonicMs();
        if (estimator.estimate(picture, field)) milliseconds.push(monotonicMs() - begun);
      }
    }
  }
  return cases.map(({ size, milliseconds }) => ({
    name: `motion ${size}`,
    value: median(milliseconds),
    unit: 'ms/frame',
    better: 'less',
    note: `p99 ${percentile(milliseconds, 99).toFixed(2)} ms`,
  }));
}
