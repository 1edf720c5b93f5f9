import type { TrackFrame } from '../tracker/track.ts';
import type { CalibrationPair } from './calibration.ts';
import { type AnnotatedFrame, touches } from './recall.ts';

/**
 * Pairs the masks of one annotated frame with annotated objects: a track of a prompted object with that object, any
 * other with the one that it overlaps most of those that it touches (see `recallMeasures`). Masks that touch none
 * are left out, since they may show things that nobody annotated.
 *
 * @param shown frame on which objects were shown that tracks were made for, by the track's id; it shows nothing of
 *   the tracker, so it is left out
 */
export function calibrationPairs(
  frame: AnnotatedFrame,
  tracked: TrackFrame,
  shown: ReadonlyMap<number, number>,
  where: Pick<CalibrationPair, 'variant' | 'sequence'>,
): CalibrationPair[] {
  const { width, height, index } = tracked.frame;
  return tracked.tracks.flatMap((track): CalibrationPair[] => {
    const column = frame.predictedIds.indexOf(track.id);
    if (column < 0 || shown.get(track.id) === index) return [];
    const isPrompted = shown.has(track.id);
    const row = isPrompted ? frame.truthIds.indexOf(track.id) : mostOverlapped(frame, column);
    // A prompted object that is not there any more is shown wrongly, whatever its mask lies on.
    if (row < 0 && !isPrompted) return [];
    return [
      {
        ...where,
        frameIndex: index,
        trackId: track.id,
        objectId: frame.truthIds[row] ?? track.id,
        matchedBy: isPrompted ? 'prompt' : 'overlap',
        score: track.score,
        provenance: tracked.provenance,
        age: index - track.firstFrame,
        area: track.area / (width * height),
        ...(track.carried === undefined ? {} : { carried: track.carried }),
        iou: row < 0 ? 0 : (frame.overlap[row * frame.predictedIds.length + column] ?? 0),
      },
    ];
  });
}

/** Row of the object, of those that the mask touches, which it overlaps most; -1 where there is none. */
function mostOverlapped(frame: AnnotatedFrame, column: number): number {
  let best = -1;
  let most = 0;
  frame.truthIds.forEach((_, row) => {
    const overlap = frame.overlap[row * frame.predictedIds.length + column] ?? 0;
    if (overlap <= most || !touches(frame, row, column)) return;
    best = row;
    most = overlap;
  });
  return best;
}
