import { type MaskLogits, sampleLogits } from '../../mask/mask-logits.ts';
import type { CameraMotion } from '../../prompting/camera-motion.ts';

/** Size of a luma plane, pixels. */
export interface LumaSize {
  readonly lumaWidth: number;
  readonly lumaHeight: number;
}

/**
 * Where an object was when it was last seen, moved along with the camera since. What the camera does is all that is
 * known of the place of something hidden; the map back to the last mask is composed frame by frame, so that the mask
 * is resampled once only.
 */
export class HiddenPlace {
  readonly #mask: MaskLogits;
  /** Similarity from the present picture back to the mask's: z -> scale * z + shift, complex, about the centre. */
  #scaleRe = 1;
  #scaleIm = 0;
  #shiftRe = 0;
  #shiftIm = 0;
  #size: LumaSize | null = null;

  /** @param mask kept, not copied */
  constructor(mask: MaskLogits) {
    this.#mask = mask;
  }

  /** Follows the camera to the next frame. */
  moveWith(camera: CameraMotion, size: LumaSize): void {
    this.#resize(size);
    const { x, y, zoom, turn } = camera;
    const [re, im] = [1 + zoom, turn];
    this.#shiftRe += this.#scaleRe * x - this.#scaleIm * y;
    this.#shiftIm += this.#scaleRe * y + this.#scaleIm * x;
    const scaleRe = this.#scaleRe * re - this.#scaleIm * im;
    this.#scaleIm = this.#scaleRe * im + this.#scaleIm * re;
    this.#scaleRe = scaleRe;
  }

  /**
   * The mask as it would be on the present picture.
   *
   * @param out `width * height` logits of the grid, overwritten
   */
  render({ width, height, spanX, spanY }: Omit<MaskLogits, 'data'>, out: Float32Array): void {
    const { lumaWidth, lumaHeight } = this.#size ?? { lumaWidth: 1, lumaHeight: 1 };
    out.fill(-1);
    for (let row = 0; row < Math.min(height, Math.ceil(spanY)); row++) {
      const y = ((row + 0.5) / spanY - 0.5) * lumaHeight;
      for (let column = 0; column < Math.min(width, Math.ceil(spanX)); column++) {
        const x = ((column + 0.5) / spanX - 0.5) * lumaWidth;
        const fromX = (this.#scaleRe * x - this.#scaleIm * y + this.#shiftRe) / lumaWidth + 0.5;
        const fromY = (this.#scaleRe * y + this.#scaleIm * x + this.#shiftIm) / lumaHeight + 0.5;
        // Beyond the old picture nothing is known; the border's values would be smeared outward.
        if (fromX < 0 || fromX > 1 || fromY < 0 || fromY > 1) continue;
        out[row * width + column] = sampleLogits(this.#mask, fromX, fromY);
      }
    }
  }

  /** Another size of the luma plane shows the same picture. */
  #resize(size: LumaSize): void {
    const before = this.#size;
    this.#size = { lumaWidth: size.lumaWidth, lumaHeight: size.lumaHeight };
    if (before === null) return;
    this.#shiftRe *= size.lumaWidth / before.lumaWidth;
    this.#shiftIm *= size.lumaHeight / before.lumaHeight;
  }
}
