import { TrackcastError } from '../errors.ts';
import { type MaskFormat, maskFormats } from './outgoing-message.ts';
import { streamIdSchema } from './track-message.ts';

/** What a live client wants to see. */
export interface LiveSubscription {
  readonly streams: ReadonlySet<string> | 'all';
  readonly masks: MaskFormat;
  readonly pictures: boolean;
}

const maxStreams = 256;
const knownKeys = new Set(['streams', 'masks', 'pictures', 'token']);

/**
 * Reads `?streams=a,b&masks=rle|polygon|none&pictures=jpeg|none`; all streams, run lengths and no pictures unless
 * told otherwise.
 *
 * @throws TrackcastError `TRACKCAST_REQUEST_INVALID`, with the parameter as its key
 */
export function parseLiveSubscription(query: URLSearchParams): LiveSubscription {
  for (const key of query.keys()) {
    if (!knownKeys.has(key)) throw invalid('a live stream has no such parameter', key.slice(0, 32));
  }
  const masks = maskFormats.find((format) => format === (query.get('masks') ?? 'rle'));
  if (masks === undefined) throw invalid(`masks are one of ${maskFormats.join(', ')}`, 'masks');
  const pictures = query.get('pictures') ?? 'none';
  if (pictures !== 'jpeg' && pictures !== 'none') throw invalid('pictures are jpeg or none', 'pictures');
  return { streams: parseStreams(query.get('streams')), masks, pictures: pictures === 'jpeg' };
}

function parseStreams(list: string | null): ReadonlySet<string> | 'all' {
  if (list === null) return 'all';
  const streams = list.split(',');
  if (streams.length > maxStreams) throw invalid(`at most ${maxStreams} streams can be named`, 'streams');
  if (!streams.every((id) => streamIdSchema.safeParse(id).success)) {
    throw invalid('streams are ids of streams, joined by commas', 'streams');
  }
  return new Set(streams);
}

function invalid(message: string, key: string): TrackcastError {
  return new TrackcastError('TRACKCAST_REQUEST_INVALID', `The request cannot be understood: ${message}.`, {
    key,
  });
}

/** Whether messages of a stream go to this subscriber. */
export function wantsStream(subscription: LiveSubscription, streamId: string): boolean {
  return subscription.streams === 'all' || subscription.streams.has(streamId);
}
