import { type CalibrationPair, reliability } from './calibration.ts';
import { isotonicRegression, valueAt } from './isotonic-regression.ts';
import { fixed } from './report-format.ts';
import { textTable } from './text-table.ts';

/** The reliability tables that people read: of all pairs, then of each provenance. */
export function describeCalibration(pairs: readonly CalibrationPair[]): string {
  const provenances = [...new Set(pairs.map(({ provenance }) => provenance))].sort();
  const parts = [
    { name: 'all masks', of: pairs },
    ...provenances.map((name) => ({ name, of: pairs.filter(({ provenance }) => provenance === name) })),
  ];
  const tables = parts.map(({ name, of }) => reliabilityTable(name, of));
  return [...tables, monotoneMap(pairs), notes].join('\n\n');
}

/** Scores at which the fitted map is shown. */
const shownScores = [0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.9, 0.95, 1];

function monotoneMap(pairs: readonly CalibrationPair[]): string {
  const steps = isotonicRegression(pairs.map(({ score, iou }) => ({ score, value: iou })));
  const mapped = pairs.map(({ score, iou }) => ({ score: valueAt(steps, score), iou }));
  const table = textTable(
    ['score', ...shownScores.map((score) => score.toFixed(2))],
    [['IoU', ...shownScores.map((score) => fixed(valueAt(steps, score), 2))]],
  );
  const error = fixed(reliability(mapped).expectedError, 3);
  return `best never falling map (isotonic regression)\n${table}\nexpected calibration error through it ${error}, on the same masks`;
}

function reliabilityTable(name: string, pairs: readonly CalibrationPair[]): string {
  const { bins, expectedError } = reliability(pairs);
  const rows = bins.map(({ from, to, count, meanScore, meanIou }) => [
    `${from.toFixed(1)} - ${to.toFixed(1)}`,
    String(count),
    fixed(meanScore, 3),
    fixed(meanIou, 3),
    fixed(meanScore - meanIou, 3),
  ]);
  const table = textTable(['score', 'masks', 'mean score', 'mean IoU', 'difference'], rows);
  return `${name}\n${table}\nexpected calibration error ${fixed(expectedError, 3)} over ${pairs.length} masks`;
}

const notes = [
  'How far a score says what the IoU with the annotated object is. Masks of prompted objects are compared with those',
  'objects, others with the object that they overlap most; masks that touch no annotated object are left out.',
].join('\n');
