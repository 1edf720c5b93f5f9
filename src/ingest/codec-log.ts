import { AV_LOG_FATAL } from 'node-av/constants';
import { Log } from 'node-av/lib';

/**
 * Keeps FFmpeg from writing to standard error: it says there, line by line, what counters say here, and a
 * damaged stream would flood it. Applies to the whole process.
 */
export function quietCodecLog(): void {
  Log.setLevel(AV_LOG_FATAL);
}
