import { automaticMeans, automaticNotes, automaticTables } from './automatic-report.ts';
import type { Evaluation } from './evaluate.ts';
import { mean } from './object-score.ts';
import { promptedNotes, promptedTable } from './prompted-report.ts';
import { variantsOf } from './report-format.ts';
import { textTable } from './text-table.ts';

/** The report that people read: one part for each group of sequences, then the cost of each variant. */
export function describeEvaluations(evaluations: readonly Evaluation[], automatic: boolean): string {
  const groups = [...new Set(evaluations.map(({ group }) => group))];
  const parts = groups.map((group) => {
    const ofGroup = evaluations.filter((evaluation) => evaluation.group === group);
    return `${group}\n${automatic ? automaticTables(ofGroup) : promptedTable(ofGroup)}`;
  });
  return [
    ...parts,
    ...(automatic && groups.length > 1 ? [`all groups\n${automaticMeans(evaluations)}`] : []),
    costTable(evaluations),
    `${automatic ? automaticNotes : promptedNotes}\n${costNote}`,
  ].join('\n\n');
}

const costNote = 'track ms: real time per frame in the tracker, with the segmentations that it ran in line.';

function costTable(evaluations: readonly Evaluation[]): string {
  const rows = variantsOf(evaluations).map((variant) => {
    const ofVariant = evaluations.filter((evaluation) => evaluation.variant === variant);
    const sum = (value: (evaluation: Evaluation) => number) =>
      ofVariant.reduce((total, evaluation) => total + value(evaluation), 0);
    return [
      variant,
      String(sum(({ frames }) => frames)),
      String(sum(({ counters }) => counters.segmentations)),
      mean(ofVariant.map(({ trackMs }) => trackMs.p50)).toFixed(1),
      mean(ofVariant.map(({ trackMs }) => trackMs.p95)).toFixed(1),
      Math.max(...ofVariant.map(({ trackMs }) => trackMs.max)).toFixed(1),
    ];
  });
  return textTable(['variant', 'frames', 'segmentations', 'track ms p50', 'p95', 'max'], rows);
}
