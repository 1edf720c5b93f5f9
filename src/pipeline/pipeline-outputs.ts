import type { Preview } from '../ingest/decode-pool.ts';
import type { TrackFrame } from '../tracker/track.ts';
import type { StreamSession } from './stream-session.ts';

/** Where results go. Called on the main thread, in order per stream. */
export interface PipelineOutputs {
  onTrackFrame(trackFrame: TrackFrame, session: StreamSession): void;
  onStreamStarted(session: StreamSession): void;
  /** The stream's numbers are final; it is about to be forgotten. */
  onStreamEnded(session: StreamSession): void;
  onPicture(streamId: string, preview: Preview): void;
}
