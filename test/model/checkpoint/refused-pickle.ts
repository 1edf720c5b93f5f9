import { unpickle } from '../../../src/model/checkpoint/unpickle.ts';
import { expectInvalid } from './temporary-files.ts';

/** Asserts that a pickle is refused for this reason. */
export function expectRefused(bytes: Uint8Array, reason: RegExp): void {
  let error: unknown = null;
  try {
    unpickle(bytes);
  } catch (thrown) {
    error = thrown;
  }
  expectInvalid(error, reason);
}
