import type { Frame } from 'node-av/lib';
import type { FrameInfo } from '../buffer/frame.ts';
import { type Jpeg, JpegEncoder } from './jpeg-encoder.ts';

export interface PreviewOptions {
  readonly enabled: boolean;
  /** Most previews a second. */
  readonly maxFps: number;
  /** Long side of the JPEG, pixels. Default 640; a smaller picture is not enlarged. */
  readonly longSide?: number;
}

const defaultLongSide = 640;

/** Makes JPEG previews of one stream at a bounded rate; costs nothing while it is off. */
export class PreviewEncoder implements Disposable {
  #options: PreviewOptions = { enabled: false, maxFps: 0 };
  #encoder: JpegEncoder | null = null;
  #dueAtMs: number | null = null;

  configure(options: PreviewOptions): void {
    this.#options = options;
    this.#dueAtMs = null;
    if (!options.enabled) {
      this[Symbol.dispose]();
    }
  }

  /** A JPEG of the picture, or null when none is due. Throws as `JpegEncoder.encode`. */
  encode(picture: Frame, info: FrameInfo): Jpeg | null {
    const { enabled, maxFps, longSide } = this.#options;
    if (!enabled || !(maxFps > 0) || info.decodedAtMs < (this.#dueAtMs ?? info.decodedAtMs)) {
      return null;
    }
    const intervalMs = 1000 / maxFps;
    // Keeps the rate on average although frames come at times of their own.
    const dueAtMs = this.#dueAtMs ?? info.decodedAtMs;
    this.#dueAtMs = Math.max(dueAtMs + intervalMs, info.decodedAtMs + intervalMs / 2);
    this.#encoder ??= new JpegEncoder();
    return this.#encoder.encode(picture, longSide ?? defaultLongSide);
  }

  [Symbol.dispose](): void {
    this.#encoder?.[Symbol.dispose]();
    this.#encoder = null;
  }
}
