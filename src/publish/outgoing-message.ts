import type { TrackFrame } from '../tracker/track.ts';
import { type StreamLife, toTrackEvents, toTrackMessage } from './to-track-message.ts';
import type { StreamEvent, TrackMessage } from './track-message.ts';

/** How masks are written: COCO run lengths, contours, or not at all. */
export type MaskFormat = 'rle' | 'polygon' | 'none';

export const maskFormats = ['rle', 'polygon', 'none'] as const satisfies readonly MaskFormat[];

/** CloudEvents 1.0 context attributes. */
interface CloudEventAttributes {
  readonly id: string;
  /** URI reference of the stream. */
  readonly source: string;
  readonly type: string;
  readonly specversion: '1.0';
  /** When the message was made, RFC 3339. */
  readonly time: string;
  /** What within the stream it is about, such as `frame/812` or `track/7`. */
  readonly subject: string;
  readonly datacontenttype: 'application/json';
}

/** One message for all publishers. */
export interface OutgoingMessage {
  readonly kind: 'frame' | 'event';
  readonly streamId: string;
  /** The same for every delivery of the same frame or event, so that duplicates are recognisable. */
  readonly messageId: string;
  readonly attributes: CloudEventAttributes;
  /** The JSON body, serialised when first asked for and shared from then on: not to be written to. */
  json(masks: MaskFormat): Buffer;
}

/**
 * The message of one frame. Its id names the access unit by where its bytes came from, so that a frame that is
 * decoded again after a redelivery has the same id.
 */
export function outgoingFrame(trackFrame: TrackFrame, life: StreamLife, now = new Date()): OutgoingMessage {
  const { index } = trackFrame.frame;
  const message = toTrackMessage(trackFrame, life);
  const messageId = `${life.streamId}:${accessUnitName(trackFrame)}`;
  const bodies = new Map<MaskFormat, Buffer>();
  return {
    kind: 'frame',
    streamId: life.streamId,
    messageId,
    attributes: attributesOf(messageId, life.streamId, 'trackcast.frame', `frame/${index}`, now),
    json(masks) {
      let body = bodies.get(masks);
      if (body === undefined) {
        body = Buffer.from(JSON.stringify(withMasks(message, masks)));
        bodies.set(masks, body);
      }
      return body;
    },
  };
}

/** The messages of one frame's track events, in the tracker's order. */
export function outgoingTrackEvents(
  trackFrame: TrackFrame,
  life: StreamLife,
  now = new Date(),
): OutgoingMessage[] {
  return toTrackEvents(trackFrame, life).map((event) =>
    outgoingEvent(event, accessUnitName(trackFrame), now),
  );
}

/** Names a frame's access unit by where its bytes came from: the same when they are delivered again. */
function accessUnitName({ frame }: TrackFrame): string {
  return `${frame.chunkSequence}:${frame.unitInChunk}`;
}

/**
 * The message of one event.
 *
 * @param cause names what it follows from within the stream: the access unit, or the epoch for `stream.*` events
 */
export function outgoingEvent(event: StreamEvent, cause: string, now = new Date()): OutgoingMessage {
  const subject = 'trackId' in event ? `track/${event.trackId}` : 'stream';
  const messageId = `${event.streamId}:${event.type}:${cause}${'trackId' in event ? `:${event.trackId}` : ''}`;
  let body: Buffer | undefined;
  return {
    kind: 'event',
    streamId: event.streamId,
    messageId,
    attributes: attributesOf(messageId, event.streamId, `trackcast.${event.type}`, subject, now),
    json() {
      body ??= Buffer.from(JSON.stringify(event));
      return body;
    },
  };
}

function attributesOf(
  id: string,
  streamId: string,
  type: string,
  subject: string,
  now: Date,
): CloudEventAttributes {
  return {
    id,
    source: `/trackcast/streams/${streamId}`,
    type,
    specversion: '1.0',
    time: now.toISOString(),
    subject,
    datacontenttype: 'application/json',
  };
}

function withMasks(message: TrackMessage, masks: MaskFormat): TrackMessage {
  const tracks = message.tracks.map((track) => {
    const { polygons, ...plain } = track;
    if (masks === 'rle') return plain;
    if (masks === 'none') return { ...plain, mask: null };
    return polygons === undefined ? { ...plain, mask: null } : { ...plain, mask: null, polygons };
  });
  return { ...message, tracks };
}
