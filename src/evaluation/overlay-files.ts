import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readRgbImage } from '../ingest/image-file.ts';
import type { TrackedSequence } from './evaluate.ts';
import { cropPixels, croppedToEven } from './even-size.ts';
import { drawOverlay } from './overlay.ts';
import { writePicture } from './picture-file.ts';

/** Writes each tracked frame with its tracks drawn on it to `folder/<variant>/<sequence>/<index>.jpg`. */
export async function writeOverlays(folder: string, run: TrackedSequence): Promise<void> {
  const target = join(folder, run.variant, run.sequence.name);
  await mkdir(target, { recursive: true });
  for (const [index, { tracks }] of run.tracked.entries()) {
    const path = run.sequence.pictures[index];
    if (path === undefined) return;
    const image = await readRgbImage(path);
    const { width, height } = croppedToEven(image);
    // Drawn in place: the picture belongs to nobody else.
    const picture = { width, height, data: cropPixels(image.data, image.width * 3, width * 3, height) };
    drawOverlay(picture, tracks);
    await writePicture(join(target, `${String(index).padStart(5, '0')}.jpg`), picture);
  }
}
