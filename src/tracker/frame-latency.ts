import type { FrameInfo } from '../buffer/frame.ts';
import type { FrameLatency } from './track.ts';

/**
 * Where a frame's time went.
 *
 * @param begunAtMs `monotonicMs()` when the tracker took the frame
 * @param finishedAtMs `monotonicMs()` when its tracks were known
 */
export function frameLatency(
  frame: Pick<FrameInfo, 'receivedAtMs' | 'decodedAtMs'>,
  begunAtMs: number,
  finishedAtMs: number,
): FrameLatency {
  return {
    decode: frame.decodedAtMs - frame.receivedAtMs,
    queue: begunAtMs - frame.decodedAtMs,
    track: finishedAtMs - begunAtMs,
    total: finishedAtMs - frame.receivedAtMs,
  };
}
