import { textTable } from '../src/evaluation/text-table.ts';
import type { BenchmarkContext } from './benchmark.ts';
import type { Figure } from './figure.ts';
import { type ComparedDay, comparedDays } from './scheduler/days.ts';
import type { Dispatcher } from './scheduler/dispatcher.ts';
import { LaneDispatcher } from './scheduler/lane-dispatcher.ts';
import type { SimulationReport } from './scheduler/measures.ts';
import { PolicyDispatcher } from './scheduler/policy-dispatcher.ts';
import { simulate } from './scheduler/simulation.ts';
import { TurnDispatcher } from './scheduler/turn-dispatcher.ts';

/** How turns are given. */
const dispatchers: Readonly<Record<string, (compared: ComparedDay) => Dispatcher>> = {
  strict: ({ day, settings }) => new TurnDispatcher(day.costs, settings),
  lane: ({ day, settings }) => new LaneDispatcher(day.costs, settings),
  'ticks, no batches': ({ day, settings }) =>
    new PolicyDispatcher(day.costs, { ...settings, maxTurnsPerTick: 1 }),
  ticks: ({ day, settings }) => new PolicyDispatcher(day.costs, settings),
};

interface Row {
  readonly day: string;
  readonly way: string;
  readonly report: SimulationReport;
}

/** Simulates days of many cameras on several devices and compares how turns are given. Nothing is segmented. */
export async function benchScheduler({ tell }: BenchmarkContext): Promise<Figure[]> {
  const rows: Row[] = [];
  let simulatedMs = 0;
  const begun = performance.now();
  for (const compared of comparedDays) {
    for (const [way, create] of Object.entries(dispatchers)) {
      if (way === 'ticks, no batches' && compared.isolatesBatches !== true) continue;
      rows.push({ day: compared.name, way, report: simulate(compared.day, () => create(compared)) });
      simulatedMs += compared.day.forMs;
    }
  }
  const tookMs = performance.now() - begun;
  tell(`simulated ${(simulatedMs / 1000).toFixed(0)} s in ${(tookMs / 1000).toFixed(1)} s`);
  process.stdout.write(`${measuresTable(rows)}\n\n${reasonsTable(rows)}\n\n${levelsTable(rows)}\n\n`);
  return rows.flatMap(figuresOf);
}

function measuresTable(rows: readonly Row[]): string {
  const header = ['cameras, ms', 'busy', 'turns/s', 'frames/run', 'result age', 'mask age', 'longest gap'];
  header.push('person waits', 'fairness', 'points/s');
  return textTable(
    header,
    rows.map(({ day, way, report }) => [
      `${day}: ${way}`,
      `${(100 * report.utilisation).toFixed(0)} %`,
      report.turnsPerSecond.toFixed(report.turnsPerSecond < 10 ? 1 : 0),
      report.framesPerRun.toFixed(1),
      pair(report.resultAge),
      pair(report.maskAge),
      report.longestGapMs.toFixed(0),
      pair(report.personWait),
      report.fairness.toFixed(4),
      report.pointsPerSecond.toFixed(0),
    ]),
  );
}

function pair({ p50, p99 }: SimulationReport['maskAge']): string {
  return `${p50.toFixed(0)} / ${p99.toFixed(0)}`;
}

/** What became of each hundred frames. */
function reasonsTable(rows: readonly Row[]): string {
  const turnReasons = ['due', 'slowed', 'shed', 'person'];
  const otherReasons = ['not_due', 'slowed', 'shed', 'tick_full', 'device_busy', 'device_lost'];
  return textTable(
    ['% of frames', ...turnReasons.map((reason) => `turn: ${reason}`), ...otherReasons],
    rows.map(({ day, way, report }) => {
      const share = (count: number | undefined) => ((100 * (count ?? 0)) / report.frames).toFixed(2);
      return [
        `${day}: ${way}`,
        ...turnReasons.map((reason) => share(report.turns[reason])),
        ...otherReasons.map((reason) => share(report.propagated[reason])),
      ];
    }),
  );
}

/** One digit for each second: the highest level of any device. */
function levelsTable(rows: readonly Row[]): string {
  const levels = rows.filter(({ report }) => report.levels.some((level) => level > 0));
  return textTable(
    ['level, each second', ''],
    levels.map(({ day, way, report }) => [
      `${day}: ${way}`,
      report.levels.map((level) => level.toString(36)).join(''),
    ]),
  );
}

function figuresOf({ day, way, report }: Row): Figure[] {
  const figure = (
    what: string,
    value: number,
    unit: string,
    better: Figure['better'],
    note?: string,
  ): Figure => ({
    name: `scheduler ${day}, ${way}: ${what}`,
    value,
    unit,
    better,
    ...(note === undefined ? {} : { note }),
  });
  return [
    figure('devices busy', 100 * report.utilisation, '%', 'more'),
    figure('turns per second', report.turnsPerSecond, '1/s', 'more'),
    figure('result age p50', report.resultAge.p50, 'ms', 'less'),
    figure('result age p99', report.resultAge.p99, 'ms', 'less'),
    figure('mask age p50', report.maskAge.p50, 'ms', 'less'),
    figure('mask age p99', report.maskAge.p99, 'ms', 'less'),
    figure('longest gap', report.longestGapMs, 'ms', 'less'),
    figure('person waits p99', report.personWait.p99, 'ms', 'less'),
    figure('fairness', report.fairness, 'Jain', 'more'),
  ];
}
