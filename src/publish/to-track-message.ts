import type { Box } from '../mask/box.ts';
import type { Track, TrackFrame } from '../tracker/track.ts';
import { type StreamEvent, specVersion, type TrackMessage } from './track-message.ts';

/** Which life of which stream a message belongs to. */
export interface StreamLife {
  readonly streamId: string;
  readonly epoch: number;
}

/** The message of one frame: boxes normalised, numbers rounded to what they are worth. */
export function toTrackMessage(trackFrame: TrackFrame, { streamId, epoch }: StreamLife): TrackMessage {
  const { frame, latencyMs } = trackFrame;
  return {
    specVersion,
    streamId,
    epoch,
    frame: {
      index: frame.index,
      timestampNs: String(frame.timestampNs),
      width: frame.width,
      height: frame.height,
      keyframe: frame.isKeyframe,
      damaged: frame.isDamaged,
    },
    provenance: trackFrame.provenance,
    latencyMs: {
      decode: toTenths(latencyMs.decode),
      queue: toTenths(latencyMs.queue),
      track: toTenths(latencyMs.track),
      total: toTenths(latencyMs.total),
    },
    tracks: trackFrame.tracks.map((track) => toMessageTrack(track, frame.width, frame.height)),
  };
}

/** The events of one frame: those of its tracks in the tracker's order, then a round of prompting that began. */
export function toTrackEvents(trackFrame: TrackFrame, { streamId, epoch }: StreamLife): StreamEvent[] {
  const { frame, tracks, events, reprompt } = trackFrame;
  const place = {
    specVersion,
    streamId,
    epoch,
    frameIndex: frame.index,
    timestampNs: String(frame.timestampNs),
  } as const;
  const ofTracks = events.map(({ kind, trackId }): StreamEvent => {
    const label = tracks.find((track) => track.id === trackId)?.label ?? null;
    return { type: `track.${kind}`, ...place, trackId, label };
  });
  if (reprompt === undefined) return ofTracks;
  return [...ofTracks, { type: 'stream.prompted', ...place, ...reprompt }];
}

function toMessageTrack(track: Track, width: number, height: number): TrackMessage['tracks'][number] {
  const { mask, polygons } = track;
  return {
    id: track.id,
    label: track.label,
    state: track.state,
    score: toShare(track.score, 1e4),
    box: track.box === null ? null : normalised(track.box, width, height),
    area: track.area,
    mask: mask === null ? null : { size: [mask.size[0], mask.size[1]], counts: mask.counts },
    ...(polygons === undefined ? {} : { polygons: polygons.map((polygon) => [...polygon]) }),
    author: track.author,
    ...(track.category === undefined ? {} : { category: track.category }),
    ...(track.locked === undefined ? {} : { locked: track.locked }),
    firstFrame: track.firstFrame,
    lastSeenFrame: track.lastSeenFrame,
  };
}

/** Edges are rounded, not sizes, so that a box at the border of the picture ends exactly there. */
function normalised(box: Box, width: number, height: number): [number, number, number, number] {
  const left = toShare(box.x / width, boxSteps);
  const top = toShare(box.y / height, boxSteps);
  const right = toShare((box.x + box.width) / width, boxSteps);
  const bottom = toShare((box.y + box.height) / height, boxSteps);
  return [left, top, toShare(right - left, boxSteps), toShare(bottom - top, boxSteps)];
}

/** Finer than a pixel of an 8K picture is wide. */
const boxSteps = 1e5;

function toShare(value: number, steps: number): number {
  return Math.round(Math.min(1, Math.max(0, value)) * steps) / steps;
}

function toTenths(milliseconds: number): number {
  return Math.round(Math.max(0, milliseconds) * 10) / 10;
}
