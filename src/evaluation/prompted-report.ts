import type { Evaluation } from './evaluate.ts';
import { mean, type ObjectScore } from './object-score.ts';
import { bySequence, meanOfKnown, percent, variantsOf } from './report-format.ts';
import { type TableRow, textTable } from './text-table.ts';

/** What the columns say. */
export const promptedNotes = [
  'J region similarity, F contour accuracy, J&F their mean, in percent. Each object is shown by its first mask;',
  'scored are the annotated frames after that one. Where all frames are annotated the last is left out, as the',
  'DAVIS toolkit does. J>.5 share of frames with J above 0.5, decay mean J of the first quarter minus the last. IDsw',
  'and jit (percentiles of 1 - IoU of a mask with the one before it after motion; true: of the annotations) are those',
  'of the whole sequence.',
].join('\n');

/** A table of how objects fared that were shown, with the mean of each variant. */
export function promptedTable(evaluations: readonly Evaluation[]): string {
  const header = [
    'sequence',
    'object',
    'variant',
    'frames',
    'J',
    'F',
    'J&F',
    'J>.5',
    'decay',
    'IDsw',
    'jit p50',
    'jit p95',
    'true p95',
  ];
  const rows: TableRow[] = bySequence(evaluations).flatMap(
    ({ sequence, variant, score, jitter, annotatedJitter }) =>
      score.objects
        .filter(isScored)
        .map((object) => [
          sequence,
          String(object.objectId),
          variant,
          String(object.frames.length),
          ...[object.j, object.f, object.jAndF, object.jRecall, object.jDecay].map(percent),
          String(score.identity.switches),
          percent(jitter.median),
          percent(jitter.p95),
          percent(annotatedJitter.p95),
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
      percent(meanOfKnown(ofVariant.map(({ jitter }) => jitter.median))),
      percent(meanOfKnown(ofVariant.map(({ jitter }) => jitter.p95))),
      percent(meanOfKnown(ofVariant.map(({ annotatedJitter }) => annotatedJitter.p95))),
    ];
  });
  return textTable(header, [...rows, 'rule', ...means]);
}

/** False for objects that no annotation follows. */
function isScored({ frames }: ObjectScore): boolean {
  return frames.length > 0;
}
