import type { Evaluation } from './evaluate.ts';
import { bySequence, fixed, meanOfKnown, percent, variantsOf } from './report-format.ts';
import { type TableRow, textTable } from './text-table.ts';

/** One column: its head, what it shows of a sequence, and how. */
interface Column {
  readonly head: string;
  readonly value: (evaluation: Evaluation) => number;
  readonly text: (value: number) => string;
}

const qualityColumns: readonly Column[] = [
  { head: 'found 1s', value: (evaluation) => foundWithin(evaluation, 1), text: percent },
  { head: 'found 3s', value: (evaluation) => foundWithin(evaluation, 3), text: percent },
  { head: 'recall', value: ({ score }) => score.recall.overSequence, text: percent },
  { head: 'prec', value: ({ score }) => score.recall.precision, text: percent },
  { head: 'touch', value: ({ score }) => score.recall.touchingPrecision, text: percent },
  { head: 'dup', value: ({ score }) => score.recall.duplicates, text: (value) => fixed(value, 2) },
  { head: 'IDsw', value: ({ score }) => score.identity.switches, text: fixed },
  { head: 'IDF1', value: ({ score }) => score.identity.idf1, text: percent },
  { head: 'HOTA', value: ({ score }) => score.accuracy.hota, text: percent },
  { head: 'DetA', value: ({ score }) => score.accuracy.detection, text: percent },
  { head: 'AssA', value: ({ score }) => score.accuracy.association, text: percent },
];

const effortColumns: readonly Column[] = [
  { head: 'masks', value: ({ score }) => score.masksPerFrame, text: fixed },
  { head: 'jit p50', value: ({ jitter }) => jitter.median, text: percent },
  { head: 'jit p95', value: ({ jitter }) => jitter.p95, text: percent },
  { head: 'true p95', value: ({ annotatedJitter }) => annotatedJitter.p95, text: percent },
  { head: 'prompts/s', value: ({ prompting }) => prompting.promptsPerSecond, text: fixed },
  {
    head: 'strategy ms',
    value: ({ prompting }) => prompting.strategyMs,
    text: (value) => fixed(value, 2),
  },
  {
    head: 'decoder ms',
    value: ({ prompting }) => prompting.decoderMs ?? Number.NaN,
    text: (value) => fixed(value, 2),
  },
];

/** Tables of what trackers found by themselves, with the mean of each variant. */
export function automaticTables(evaluations: readonly Evaluation[]): string {
  return [qualityColumns, effortColumns].map((columns) => table(evaluations, columns)).join('\n\n');
}

/** The means alone. */
export function automaticMeans(evaluations: readonly Evaluation[]): string {
  return [qualityColumns, effortColumns]
    .map((columns) =>
      textTable(['mean', 'variant', ...columns.map(({ head }) => head)], means(evaluations, columns)),
    )
    .join('\n\n');
}

/** What the columns say. */
export const automaticNotes = [
  'found 1s, 3s: share of annotated objects matched (mask IoU of at least 0.5) so soon after they appear; - where',
  'nothing is annotated in that time. recall: over all annotated appearances. prec: masks that match an annotated',
  'object, of all; touch: of those that touch one (half of either in the other). Real objects that nobody annotated',
  'lower prec, IDF1, HOTA and DetA, not touch. dup: further masks on the same object per annotated frame. IDsw: id',
  'switches. jit: percentiles of 1 - IoU of a mask with the one before it after motion; true: of the annotations.',
  'strategy ms, decoder ms: real time per frame that the strategy and the model spent on automatic prompts.',
].join('\n');

function foundWithin({ score }: Evaluation, deadline: number): number {
  return score.recall.foundWithin.find(({ seconds }) => seconds === deadline)?.share ?? Number.NaN;
}

function table(evaluations: readonly Evaluation[], columns: readonly Column[]): string {
  const rows: TableRow[] = bySequence(evaluations).map((evaluation) => [
    evaluation.sequence,
    evaluation.variant,
    ...columns.map(({ value, text }) => text(value(evaluation))),
  ]);
  const header = ['sequence', 'variant', ...columns.map(({ head }) => head)];
  return textTable(header, [...rows, 'rule', ...means(evaluations, columns)]);
}

/** Every sequence counts alike, except where it has no such figure. */
function means(evaluations: readonly Evaluation[], columns: readonly Column[]): string[][] {
  return variantsOf(evaluations).map((variant) => {
    const ofVariant = evaluations.filter((evaluation) => evaluation.variant === variant);
    return [
      'mean of sequences',
      variant,
      ...columns.map(({ value, text }) => text(meanOfKnown(ofVariant.map(value)))),
    ];
  });
}
