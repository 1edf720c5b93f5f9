import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { encodePicture } from '../../src/evaluation/picture-file.ts';
import type { Box } from '../../src/mask/box.ts';

/** A rectangle that goes to the right by `speed` pixels a frame. */
interface MovingRectangle {
  readonly objectId: number;
  readonly start: Box;
  readonly speed: number;
  readonly firstFrame: number;
}

export interface SyntheticSequence {
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly rectangles: readonly MovingRectangle[];
  /** Frames that have an annotation; default all. */
  readonly annotated?: readonly number[];
  readonly meta?: object;
}

/** Writes textured rectangles on a textured ground as a sequence folder. */
export async function writeSequence(folder: string, sequence: SyntheticSequence): Promise<void> {
  const { width, height, frames, rectangles, annotated, meta } = sequence;
  await mkdir(join(folder, 'JPEGImages'), { recursive: true });
  await mkdir(join(folder, 'Annotations'), { recursive: true });
  if (meta !== undefined) await writeFile(join(folder, 'meta.json'), JSON.stringify(meta));
  for (let frame = 0; frame < frames; frame++) {
    const data = new Uint8Array(width * height * 3);
    const indices = new Uint8Array(width * height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const at = y * width + x;
        const inside = rectangles.find(
          ({ start, speed, firstFrame }) => frame >= firstFrame && covers(start, x - speed * frame, y),
        );
        indices[at] = inside?.objectId ?? 0;
        const textureX = inside === undefined ? x : x - inside.speed * frame;
        const grey = 60 + 8 * noise(textureX >> 1, y >> 1) + (inside === undefined ? 0 : 70);
        data.set([grey, grey, inside === undefined ? grey : 40], at * 3);
      }
    }
    const stem = String(frame).padStart(5, '0');
    await writeFile(
      join(folder, 'JPEGImages', `${stem}.jpg`),
      encodePicture({ width, height, data }, 'jpeg'),
    );
    if (annotated === undefined || annotated.includes(frame)) {
      await writeFile(join(folder, 'Annotations', `${stem}.png`), indexedPng(indices, width, height));
    }
  }
}

function covers(box: Box, x: number, y: number): boolean {
  return x >= box.x && y >= box.y && x < box.x + box.width && y < box.y + box.height;
}

/** 0 to 7, the same for the same place, without a period that motion could be mistaken for. */
function noise(x: number, y: number): number {
  const mixed = Math.imul(x, 374_761_393) + Math.imul(y, 668_265_263);
  const stirred = Math.imul(mixed ^ (mixed >>> 13), 1_274_126_177);
  return ((stirred ^ (stirred >>> 16)) >>> 0) % 8;
}

/** A palette PNG: eight bits an index, no interlace (PNG specification, section 11). */
export function indexedPng(indices: Uint8Array, width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  const palette = Buffer.from(Array.from({ length: 256 }, (_, index) => [index, 255 - index, 128]).flat());
  const rows = Buffer.alloc((width + 1) * height);
  for (let row = 0; row < height; row++) {
    rows.set(indices.subarray(row * width, (row + 1) * width), row * (width + 1) + 1);
  }
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    pngChunk('IHDR', header),
    pngChunk('PLTE', palette),
    pngChunk('IDAT', deflateSync(rows)),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}
