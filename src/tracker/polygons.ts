import { runLengthContours } from '../mask/contour.ts';
import type { TrackFrame } from './track.ts';

/** Furthest that a polygon may run from the mask's border, source pixels. */
const tolerance = 1;

/** The same frame with every mask also given as polygons. */
export function withPolygons(trackFrame: TrackFrame): TrackFrame {
  return {
    ...trackFrame,
    tracks: trackFrame.tracks.map((track) =>
      track.mask === null ? track : { ...track, polygons: runLengthContours(track.mask, tolerance) },
    ),
  };
}
