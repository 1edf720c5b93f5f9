import { drawOverlay, type RgbPicture } from './overlay.ts';
import { VideoFileWriter } from './video-file-writer.ts';

/** Draws tracks on pictures and writes them to a video file, which has the size of the first. */
export class OverlayWriter {
  readonly #path: string;
  #writer: VideoFileWriter | null = null;
  #size = { width: 0, height: 0 };
  #frames = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Pictures written. */
  get frames(): number {
    return this.#frames;
  }

  /**
   * @param picture is drawn on
   * @throws TrackcastError `TRACKCAST_OUTPUT_UNWRITABLE`
   */
  async add(
    picture: RgbPicture,
    tracks: Parameters<typeof drawOverlay>[1],
    timestampNs: bigint,
  ): Promise<void> {
    drawOverlay(picture, tracks);
    if (this.#writer === null) {
      this.#size = { width: Math.max(2, picture.width & ~1), height: Math.max(2, picture.height & ~1) };
      this.#writer = await VideoFileWriter.create({ path: this.#path, ...this.#size });
    }
    await this.#writer.write(resized(picture, this.#size), timestampNs);
    this.#frames += 1;
  }

  /** Completes the file. Rejects as `add` does. */
  async finish(): Promise<void> {
    await this.#writer?.finish();
  }

  /** Frees native memory; after `finish` or after an error. */
  async close(): Promise<void> {
    await this.#writer?.close();
    this.#writer = null;
  }
}

/** A stream may change its size, a file cannot: the nearest pixel is taken. */
function resized(picture: RgbPicture, size: { readonly width: number; readonly height: number }): Uint8Array {
  const { width, height } = size;
  if (picture.width === width && picture.height === height) return picture.data;
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    const row = Math.floor((y * picture.height) / height) * picture.width;
    for (let x = 0; x < width; x += 1) {
      const from = (row + Math.floor((x * picture.width) / width)) * 3;
      const to = (y * width + x) * 3;
      for (let channel = 0; channel < 3; channel += 1) data[to + channel] = picture.data[from + channel] ?? 0;
    }
  }
  return data;
}
