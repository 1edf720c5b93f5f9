import type { Evaluation } from './evaluate.ts';
import { mean, type ObjectScore } from './object-score.ts';
import { type TableRow, textTable } from './text-table.ts';

/** The report that people read: one part for each group of sequences, then the cost of each variant. */
export function describeEvaluations(evaluations: readonly Evaluation[], automatic: boolean): string {
  const groups = [...new Set(evaluations.map(({ group }) => group))];
  const parts = groups.map((group) => {
    const ofGroup = evaluations.filter((evaluation) => evaluation.group === group);
    return `${group}\n${automatic ? automaticTable(ofGroup) : promptedTable(ofGroup)}`;
  });
  return [
    ...parts,
    costTable(evaluations),
    `${automatic ? automaticNotes : promptedNotes}\n${costNote}`,
  ].join('\n\n');
}

const costNote = 'track ms: real time per frame in the tracker, with the segmentations that it ran in line.';

const promptedNotes = [
  'J region similarity, F contour accuracy, J&F their mean, in percent. Each object is shown by its first mask;',
  'scored are the annotated frames after that one. Where all frames are annotated the last is left out, as the',
  'DAVIS toolkit does. J>.5 share of frames with J above 0.5, decay mean J of the first quarter minus the last.',
].join('\n');

const automaticNotes = [
  'found 1s, 3s: share of annotated objects matched (mask IoU of at least 0.5) so soon after they appear; recall',
  'over all annotated appearances; prec masks that match an annotated object (real objects that nobody annotated',
  'lower it, and IDF1 and HOTA with it); dup further masks on the same object per frame; masks per frame; IDsw id',
  'switches.',
].join('\n');

function promptedTable(evaluations: readonly Evaluation[]): string {
  const header = ['sequence', 'object', 'variant', 'frames', 'J', 'F', 'J&F', 'J>.5', 'decay', 'IDsw'];
  const rows: TableRow[] = evaluations
    .toSorted((one, other) => compare(one.sequence, other.sequence))
    .flatMap(({ sequence, variant, score }) =>
      score.objects
        .filter(isScored)
        .map((object) => [
          sequence,
          String(object.objectId),
          variant,
          String(object.frames.length),
          ...[object.j, object.f, object.jAndF, object.jRecall, object.jDecay].map(percent),
          String(score.identity.switches),
        ]),
    );
  const means = variantsOf(evaluations).map((variant) => {
    const ofVariant = evaluations.filter((evaluation) => evaluation.variant === variant);
    const objects = ofVariant.flatMap(({ score }) => score.objects.filter(isScored));
    return [
      'mean of objects',
      String(objects.length),
      variant,
      String(objects.reduce((sum, { frames }) => sum + frames.length, 0)),
      percent(mean(objects.map(({ j }) => j))),
      percent(mean(objects.map(({ f }) => f))),
      percent(mean(objects.map(({ jAndF }) => jAndF))),
      percent(mean(objects.map(({ jRecall }) => jRecall))),
      percent(mean(objects.map(({ jDecay }) => jDecay))),
      String(ofVariant.reduce((sum, { score }) => sum + score.identity.switches, 0)),
    ];
  });
  return textTable(header, [...rows, 'rule', ...means]);
}

function automaticTable(evaluations: readonly Evaluation[]): string {
  const first = evaluations[0]?.score.recall.foundWithin ?? [];
  const header = [
    'sequence',
    'variant',
    ...first.map(({ seconds }) => `found ${seconds}s`),
    ...['recall', 'prec', 'dup', 'masks', 'IDsw', 'IDF1', 'HOTA', 'DetA', 'AssA'],
  ];
  const values = ({ score }: Evaluation) => [
    ...score.recall.foundWithin.map(({ share }) => share),
    score.recall.overSequence,
    score.recall.precision,
    score.recall.duplicates,
    score.masksPerFrame,
    score.identity.switches,
    score.identity.idf1,
    score.accuracy.hota,
    score.accuracy.detection,
    score.accuracy.association,
  ];
  // Shares are in percent; duplicates, masks and switches are numbers of their own.
  const counts = first.length + 2;
  const cells = (row: readonly number[]) =>
    row.map((value, at) => (at >= counts && at < counts + 3 ? value.toFixed(1) : percent(value)));
  const rows: TableRow[] = evaluations
    .toSorted((one, other) => compare(one.sequence, other.sequence))
    .map((evaluation) => [evaluation.sequence, evaluation.variant, ...cells(values(evaluation))]);
  const means = variantsOf(evaluations).map((variant) => {
    const table = evaluations.filter((evaluation) => evaluation.variant === variant).map(values);
    const columns = (table[0] ?? []).map((_, column) => mean(table.map((row) => row[column] ?? Number.NaN)));
    return ['mean of sequences', variant, ...cells(columns)];
  });
  return textTable(header, [...rows, 'rule', ...means]);
}

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

/** False for objects that no annotation follows. */
function isScored({ frames }: ObjectScore): boolean {
  return frames.length > 0;
}

function variantsOf(evaluations: readonly Evaluation[]): string[] {
  return [...new Set(evaluations.map(({ variant }) => variant))];
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function percent(share: number): string {
  return Number.isNaN(share) ? '-' : (share * 100).toFixed(1);
}
