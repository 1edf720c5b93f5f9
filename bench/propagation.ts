import type { Frame } from '../src/buffer/frame.ts';
import { monotonicMs } from '../src/clock.ts';
import { encodeRunLength } from '../src/mask/run-length.ts';
import type { Prompt } from '../src/prompting/prompt.ts';
import { createTracker } from '../src/tracker/tracker-factory.ts';
import type { VideoTracker } from '../src/tracker/video-tracker.ts';
import type { BenchmarkContext } from './benchmark.ts';
import { type Figure, median, percentile } from './figure.ts';
import { decodedCopies } from './scene-video.ts';

const frames = 40;
const repeats = 3;
const objectCounts = [1, 5, 20] as const;
/** Discs stand in so many columns and rows. */
const columns = 5;
const rows = 4;

interface Case {
  readonly size: string;
  readonly objects: number;
  readonly pictures: readonly Frame[];
  readonly milliseconds: number[];
  readonly seen: number[];
}

/**
 * A frame that only motion carries: motion, every mask's step, rendering at source size and run lengths, without
 * any model.
 */
export async function benchPropagation({ videos }: BenchmarkContext): Promise<Figure[]> {
  const cases: Case[] = [];
  for (const video of await videos()) {
    const pictures = await decodedCopies(video, frames, false);
    for (const objects of objectCounts) {
      cases.push({ size: video.size, objects, pictures, milliseconds: [], seen: [] });
    }
  }
  const tracker = await createTracker({
    kind: 'mobile_sam',
    timing: { mode: 'propagation' },
    settings: {
      strategy: 'none',
      repromptIntervalFrames: 30,
      maxObjects: 50,
      maxSegmentationsPerSecond: 15,
    },
    models: { executionProviders: ['cpu'], intraOpThreads: 1 },
  });
  try {
    for (let repeat = 0; repeat < repeats; repeat += 1) {
      for (const each of cases) await carry(tracker, each);
    }
  } finally {
    await tracker.dispose();
  }
  return cases.flatMap(figuresOf);
}

function figuresOf({ size, objects, milliseconds, seen }: Case): Figure[] {
  const worst = `p99 ${percentile(milliseconds, 99).toFixed(1)} ms`;
  return [
    {
      name: `propagation ${size}, ${objects} objects`,
      value: median(milliseconds),
      unit: 'ms/frame',
      better: 'less',
      note: `${worst}, ${median(seen)} seen`,
    },
  ];
}

async function carry(tracker: VideoTracker, { pictures, objects, milliseconds, seen }: Case): Promise<void> {
  const stream = tracker.openStream({ streamId: 'bench' });
  try {
    for (const [index, picture] of pictures.entries()) {
      const prompts = index === 0 ? discs(picture, objects) : [];
      const begun = monotonicMs();
      const { tracks } = await stream.processFrame(picture, prompts);
      if (index === 0) continue;
      milliseconds.push(monotonicMs() - begun);
      seen.push(tracks.filter(({ mask }) => mask !== null).length);
    }
  } finally {
    await stream.close();
  }
}

/** Mask prompts for discs spread over the picture; each covers about two percent of it. */
function discs({ width, height }: Frame, count: number): Prompt[] {
  const places = columns * rows;
  return Array.from({ length: count }, (_, at) => {
    const place = Math.floor(((at + 0.5) * places) / count);
    const centreX = ((place % columns) + 0.5) * (width / columns);
    const centreY = (Math.floor(place / columns) + 0.5) * (height / rows);
    const radius = height / 10;
    const pixels = new Uint8Array(width * height);
    for (let y = Math.floor(centreY - radius); y <= centreY + radius; y += 1) {
      const reach = Math.sqrt(Math.max(0, radius ** 2 - (y - centreY) ** 2));
      pixels.fill(1, y * width + Math.round(centreX - reach), y * width + Math.round(centreX + reach));
    }
    return { shape: { kind: 'mask', mask: encodeRunLength(pixels, width, height) }, author: 'person' };
  });
}
