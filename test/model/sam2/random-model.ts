import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RandomSam2Options, writeRandomSam2 } from '../../../bench/random-sam2.ts';
import type { OnnxSam2Runtime } from '../../../src/model/sam2/onnx-sam2-runtime.ts';
import { openSam2, type Sam2Options } from '../../../src/model/sam2/open-sam2.ts';

/** Side of the input in tests that need no larger one, pixels. */
export const smallSide = 128;

/** A folder of its own with a small checkpoint of random weights. Remove it with `using`. */
export class RandomModel implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'trackcast-random-sam2-'));
  readonly checkpoint = join(this.folder, 'checkpoint.safetensors');

  static async write(options: RandomSam2Options = {}): Promise<RandomModel> {
    const model = new RandomModel();
    await writeRandomSam2(model.checkpoint, 'hiera_nano', options);
    return model;
  }

  /** On the CPU, small, in float32 and fused, where nothing else is said. */
  options(wanted: Partial<Sam2Options> = {}): Sam2Options {
    const { checkpoint, folder } = this;
    const device = { executionProviders: ['cpu'], intraOpThreads: 1 };
    return {
      checkpoint,
      folder,
      imageSize: smallSide,
      precision: 'float32',
      fused: true,
      ...device,
      ...wanted,
    };
  }

  open(wanted: Partial<Sam2Options> = {}): Promise<OnnxSam2Runtime> {
    return openSam2(this.options(wanted));
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** RGB pixels of a square picture with something on it everywhere, another one for each `seed`. */
export function drawnPicture(side = smallSide, seed = 0): Uint8Array {
  const pixels = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const at = (y * side + x) * 3;
      const isDisc = (x - 40 - 6 * seed) ** 2 + (y - 50 - 3 * seed) ** 2 < 500;
      pixels[at] = isDisc ? 220 - (x & 31) : (x * 3 + y) & 127;
      pixels[at + 1] = isDisc ? 60 : (x ^ y) & 127;
      pixels[at + 2] = ((x * y) >> 5) & 255;
    }
  }
  return pixels;
}
