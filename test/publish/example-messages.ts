import { encodeRunLengthRegion } from '../../src/mask/run-length.ts';
import { type OutgoingMessage, outgoingEvent, outgoingFrame } from '../../src/publish/outgoing-message.ts';
import type { StreamEvent } from '../../src/publish/track-message.ts';
import type { Track, TrackFrame } from '../../src/tracker/track.ts';

/** A seen object of 4x3 pixels at (10, 20) in a picture of 100x50. */
export function exampleTrack(overrides: Partial<Track> = {}): Track {
  const box = { x: 10, y: 20, width: 4, height: 3 };
  return {
    id: 7,
    label: null,
    state: 'active',
    score: 0.93456,
    box,
    area: 12,
    mask: encodeRunLengthRegion(new Uint8Array(12).fill(1), box, 100, 50),
    firstFrame: 3,
    lastSeenFrame: 812,
    author: 'strategy',
    ...overrides,
  };
}

export function exampleFrame(
  streamId: string,
  index: number,
  overrides: Partial<Omit<TrackFrame, 'frame'>> = {},
): TrackFrame {
  return {
    frame: {
      streamId,
      index,
      timestampNs: 1_763_683_200_123_456_789n + BigInt(index),
      isKeyframe: index === 0,
      isDamaged: false,
      width: 100,
      height: 50,
      chunkSequence: index,
      unitInChunk: 0,
      receivedAtMs: 1000,
      decodedAtMs: 1003.14,
    },
    provenance: 'segmented',
    latencyMs: { decode: 3.1234, queue: 1.96, track: 17.24, total: 22.34 },
    tracks: [exampleTrack()],
    events: [],
    ...overrides,
  };
}

export function exampleOutgoingFrame(streamId: string, index: number, padding = 0): OutgoingMessage {
  const label = padding === 0 ? null : 'x'.repeat(padding);
  return outgoingFrame(exampleFrame(streamId, index, { tracks: [exampleTrack({ label })] }), {
    streamId,
    epoch: 4,
  });
}

export function exampleEvent(streamId: string, trackId: number): StreamEvent {
  return {
    type: 'track.created',
    specVersion: 1,
    streamId,
    epoch: 4,
    frameIndex: 1,
    timestampNs: '17',
    trackId,
    label: null,
  };
}

export function exampleOutgoingEvent(streamId: string, trackId: number): OutgoingMessage {
  return outgoingEvent(exampleEvent(streamId, trackId), '0:0');
}
