/** Why a decoded or undecodable picture was not delivered although nothing failed. */
export type DecoderDropReason =
  /** The ring had no slot: the readers hold all of them or have closed it. */
  | 'no_slot'
  /** No picture could be decoded yet: the stream was joined between keyframes. */
  | 'awaiting_keyframe';

/**
 * What became of a stream's access units since it opened; all but `pending` only grow. Between two calls of the
 * decoder, exactly:
 *
 * `accessUnits = frames + failed + dropped.no_slot + dropped.awaiting_keyframe + pending`
 */
export interface DecoderCounters {
  /** Access units with a picture that were complete. In field-coded video each field is one. */
  readonly accessUnits: number;
  /** Pictures decoded and delivered. */
  readonly frames: number;
  /**
   * Access units that the decoder refused, or that never gave a picture after others had. The second field of a
   * field-coded frame is here, for the frame goes by its first.
   */
  readonly failed: number;
  readonly dropped: Readonly<Record<DecoderDropReason, number>>;
  /** In the decoder, waiting for pictures that are shown earlier. */
  readonly pending: number;
  /** Of `frames`: concealed, or decoded from a damaged or missing reference. */
  readonly damaged: number;
  /** Times that bytes without a picture's end piled up and were thrown away. */
  readonly parserResets: number;
  /** Gaps in the chunks' sequence numbers, and restarts of their publisher. */
  readonly discontinuities: number;
  /** Chunks that had been decoded before and were skipped. */
  readonly duplicateChunks: number;
  /** Pictures that turned out to go on after the end of their chunk. */
  readonly cutEarly: number;
  /** Motion vectors left out because a picture had more than a slot holds. */
  readonly motionVectorsOmitted: number;
  readonly bytes: number;
}

type Mutable<T> = { -readonly [key in keyof T]: T[key] };

/** The counters while they are counted. */
export type DecoderTally = Mutable<Omit<DecoderCounters, 'dropped' | 'pending'>> & {
  readonly dropped: Record<DecoderDropReason, number>;
};

export function newDecoderTally(): DecoderTally {
  return {
    accessUnits: 0,
    frames: 0,
    failed: 0,
    dropped: { no_slot: 0, awaiting_keyframe: 0 },
    damaged: 0,
    parserResets: 0,
    discontinuities: 0,
    duplicateChunks: 0,
    cutEarly: 0,
    motionVectorsOmitted: 0,
    bytes: 0,
  };
}
