import { TrackcastError } from '../../../src/errors.ts';

/** Code of the error that a call fails with; whatever else it fails with is thrown. */
export async function codeOf(failing: Promise<unknown>): Promise<string> {
  try {
    await failing;
  } catch (error) {
    if (error instanceof TrackcastError) return error.code;
    throw error;
  }
  return 'nothing was thrown';
}
