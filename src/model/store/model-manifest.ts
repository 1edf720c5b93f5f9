import { join } from 'node:path';
import { z } from 'zod';
import { TrackcastError } from '../../errors.ts';
import { removeAbandonedParts, writeWhole } from '../whole-file.ts';
import { renewalOf } from './renewal.ts';
import { readSmallFile } from './system-file.ts';

/** Its name in the model's folder. */
export const manifestFile = 'model.json';
const maxManifestBytes = 64 * 1024;

const manifestSchema = z.object({
  manifestVersion: z.literal(1),
  name: z.string(),
  /** Where the checkpoint came from; of a file also its state then, so that it is known again unread. */
  source: z.union([
    z.object({ kind: z.literal('url'), url: z.string() }),
    z.object({ kind: z.literal('file'), path: z.string(), modifiedNs: z.string().regex(/^\d+$/) }),
  ]),
  /** Name of the checkpoint in the model's folder; with digits of its hash where it took the place of another. */
  checkpoint: z.string().regex(/^checkpoint(-[0-9a-f]{16})?\.(pt|safetensors)$/),
  format: z.enum(['pytorch', 'safetensors']),
  bytes: z.number().int().nonnegative(),
  /** When the checkpoint was last modified, as it was when its hash was last checked. */
  modifiedNs: z.string().regex(/^\d+$/),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** ISO 8601. */
  pinnedAt: z.string(),
  architecture: z.object({
    family: z.string(),
    version: z.string(),
    imageSize: z.number(),
    tensors: z.number(),
    parameters: z.number(),
  }),
});

/** What the store knows about a model; `model.json` in its folder. */
export type ModelManifest = z.infer<typeof manifestSchema>;

/** Null where there is none. Rejects with `TRACKCAST_MODEL_INVALID` when it cannot be read or understood. */
export async function readManifest(folder: string): Promise<ModelManifest | null> {
  const path = join(folder, manifestFile);
  try {
    const text = await readSmallFile(path, maxManifestBytes);
    return text === null ? null : manifestSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new TrackcastError(
      'TRACKCAST_MODEL_INVALID',
      `what the store knows about a model is damaged; ${renewalOf(folder)}`,
      { key: path },
      { cause },
    );
  }
}

/** Rejects with `TRACKCAST_OUTPUT_UNWRITABLE`. */
export async function writeManifest(folder: string, manifest: ModelManifest): Promise<void> {
  const path = join(folder, manifestFile);
  await removeAbandonedParts(path);
  await writeWhole(path, 'what the store knows about a model cannot be written', (file) =>
    file.writeFile(`${JSON.stringify(manifest, null, 2)}\n`),
  );
}
