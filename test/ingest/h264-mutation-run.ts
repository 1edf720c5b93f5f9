import {
  chunksOf,
  cutAt,
  decodeChunks,
  encodeClip,
  hashes,
  nalOffsets,
  nalsOf,
  randomGenerator,
  typeOfNal,
} from './h264-clips.ts';

/** What a run of many damaged streams found. */
export interface MutationSummary {
  runs: number;
  /** Streams whose frames differ from the undamaged ones. */
  changed: number;
  damagedFrames: number;
  failedUnits: number;
  failures: string[];
}

type Random = (below: number) => number;
type Mutation = (units: Uint8Array[], random: Random) => Uint8Array[];

const flipBits: Mutation = (units, random) => {
  const bytes = Buffer.concat(units);
  for (let flips = 1 + random(20); flips > 0; flips -= 1) {
    const at = random(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
  }
  return [bytes];
};

const flipHeaderBits: Mutation = (units, random) => {
  const bytes = Buffer.concat(units);
  const offsets = nalOffsets(bytes);
  for (let flips = 1 + random(4); flips > 0; flips -= 1) {
    const at = (offsets[random(offsets.length)] ?? 0) + random(16);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
  }
  return [bytes];
};

const truncateUnit: Mutation = (units, random) => {
  const victim = random(units.length);
  return units.map((unit, at) => (at === victim ? unit.subarray(0, random(unit.length)) : unit));
};

const removeBytes: Mutation = (units, random) => {
  const bytes = Buffer.concat(units);
  const at = random(bytes.length);
  return [bytes.subarray(0, at), bytes.subarray(at + 1 + random(500))];
};

const insertGarbage: Mutation = (units, random) => {
  const garbage = Uint8Array.from({ length: 1 + random(3000) }, () => (random(3) === 0 ? 0 : random(256)));
  const [head = new Uint8Array(), tail = new Uint8Array()] = cutAt(Buffer.concat(units), [
    1 + random(Buffer.concat(units).length - 1),
  ]);
  return [head, garbage, tail];
};

const reorderNals: Mutation = (units, random) => {
  const nals = units.flatMap(nalsOf);
  for (let swaps = 1 + random(3); swaps > 0; swaps -= 1) {
    const a = random(nals.length);
    const b = random(nals.length);
    [nals[a], nals[b]] = [nals[b] ?? new Uint8Array(), nals[a] ?? new Uint8Array()];
  }
  return nals;
};

const dropNals: Mutation = (units, random) => units.flatMap(nalsOf).filter(() => random(8) !== 0);

const dropType: Mutation = (units, random) => {
  const type = [7, 8, 5, 1][random(4)];
  const victim = random(units.length / 2);
  return units.flatMap((unit, at) =>
    nalsOf(unit).filter((nal) => typeOfNal(nal) !== type || (type === 1 && at !== victim)),
  );
};

const repeatNals: Mutation = (units, random) =>
  units.flatMap(nalsOf).flatMap((nal) => (random(10) === 0 ? [nal, nal] : [nal]));

const mutations = [
  flipBits,
  flipHeaderBits,
  truncateUnit,
  removeBytes,
  insertGarbage,
  reorderNals,
  dropNals,
  dropType,
  repeatNals,
];

/** Damaged video, then undamaged video that begins inside a group of pictures. */
async function runOne(seed: number, clip: Clip, summary: MutationSummary): Promise<void> {
  const random = randomGenerator(seed);
  let damaged = clip.units.slice(0, 12);
  const applied: string[] = [];
  for (let count = 1 + random(2); count > 0; count -= 1) {
    const mutation = mutations[random(mutations.length)] ?? flipBits;
    damaged = mutation(damaged, random);
    applied.push(mutation.name);
  }
  const bytes = Buffer.concat(damaged);
  const size = 50 + random(4000);
  const pieces =
    seed % 2 === 0
      ? damaged
      : Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
          bytes.subarray(at * size, (at + 1) * size),
        );
  const clean = clip.units.slice(13);
  try {
    const decoded = await decodeChunks(chunksOf([...pieces.filter(({ length }) => length > 0), ...clean]));
    const found = hashes(decoded);
    // 13 to 15 end a group, 16 to 23 are the one that must be whole.
    const recovered = decoded.frames.slice(-8);
    if (JSON.stringify(found.slice(-8)) !== clip.lastGroup) {
      summary.failures.push(`seed ${seed} (${applied}): the last group differs`);
    } else if (recovered.some(({ isDamaged }) => isDamaged)) {
      summary.failures.push(`seed ${seed} (${applied}): the last group is called damaged`);
    }
    summary.changed += found.slice(0, 12).join() === clip.head ? 0 : 1;
    summary.damagedFrames += decoded.counters.damaged;
    summary.failedUnits += decoded.counters.failed + decoded.counters.dropped.awaiting_keyframe;
  } catch (error) {
    summary.failures.push(`seed ${seed} (${applied}): ${error instanceof Error ? error.message : error}`);
  }
  summary.runs += 1;
}

interface Clip {
  readonly units: Uint8Array[];
  readonly head: string;
  readonly lastGroup: string;
}

async function prepareClip(slices: number): Promise<Clip> {
  const units = encodeClip({ frames: 24, slices, preset: slices === 1 ? 'fast' : 'ultrafast' });
  const frames = hashes(await decodeChunks(chunksOf(units)));
  return { units, head: frames.slice(0, 12).join(), lastGroup: JSON.stringify(frames.slice(-8)) };
}

async function runAll(first: number, count: number): Promise<MutationSummary> {
  const clips = [await prepareClip(1), await prepareClip(3)];
  const summary: MutationSummary = { runs: 0, changed: 0, damagedFrames: 0, failedUnits: 0, failures: [] };
  for (let seed = first; seed < first + count; seed += 1) {
    const clip = clips[(seed >> 1) % 2];
    if (clip !== undefined) {
      await runOne(seed, clip, summary);
    }
  }
  return summary;
}

const [, , first = '1', count = '100'] = process.argv;
runAll(Number(first), Number(count)).then(
  (summary) => process.stdout.write(JSON.stringify(summary)),
  (error: unknown) => {
    process.stderr.write(String(error));
    process.exitCode = 1;
  },
);
