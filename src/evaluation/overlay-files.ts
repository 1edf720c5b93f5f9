import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrackedSequence } from './evaluate.ts';
import { readEvenRgb } from './even-picture.ts';
import { drawOverlay } from './overlay.ts';
import { writePicture } from './picture-file.ts';

/** Writes each tracked frame with its tracks drawn on it to `folder/<variant>/<sequence>/<index>.jpg`. */
export async function writeOverlays(folder: string, run: TrackedSequence): Promise<void> {
  const target = join(folder, run.variant, run.sequence.name);
  await mkdir(target, { recursive: true });
  for (const [index, { tracks }] of run.tracked.entries()) {
    const path = run.sequence.pictures[index];
    if (path === undefined) return;
    const picture = await readEvenRgb(path);
    drawOverlay(picture, tracks);
    await writePicture(join(target, `${String(index).padStart(5, '0')}.jpg`), picture);
  }
}
