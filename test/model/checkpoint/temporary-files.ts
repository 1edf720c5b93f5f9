import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { TrackcastError } from '../../../src/errors.ts';
import { type Checkpoint, openCheckpoint } from '../../../src/model/checkpoint/checkpoint.ts';

/** A folder that is removed after the tests of the file. */
export class TemporaryFiles {
  readonly folder = mkdtempSync(join(tmpdir(), 'trackcast-checkpoint-'));

  constructor() {
    afterAll(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Writes a file and returns its path; the next one takes its place. */
  write(bytes: Uint8Array, name = 'checkpoint'): string {
    const path = this.path(name);
    writeFileSync(path, bytes);
    return path;
  }

  open(bytes: Uint8Array): Promise<Checkpoint> {
    return openCheckpoint(this.write(bytes));
  }

  /** Opens the file, asserts that it is refused for this reason, and that the error names it. */
  async expectRefused(bytes: Uint8Array, reason: RegExp): Promise<void> {
    const error = await this.open(bytes).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expectInvalid(error, reason);
    expect(error).toMatchObject({ place: { key: this.path('checkpoint') } });
  }

  /** Values of a tensor of a file. */
  async readFloats(bytes: Uint8Array, name: string): Promise<number[]> {
    const checkpoint = await this.open(bytes);
    try {
      return [...(await checkpoint.readFloats(name))];
    } finally {
      await checkpoint.close();
    }
  }
}

export function expectInvalid(error: unknown, reason: RegExp): void {
  expect(error).toBeInstanceOf(TrackcastError);
  expect(error).toMatchObject({
    code: 'TRACKCAST_CHECKPOINT_INVALID',
    message: expect.stringMatching(reason),
  });
}
