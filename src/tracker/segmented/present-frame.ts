import type { Frame } from '../../buffer/frame.ts';
import { type MaskLogits, sampleLogits } from '../../mask/mask-logits.ts';
import { BlankArea } from '../../prompting/blank-area.ts';
import type { ColourPicture, PromptScene } from '../../prompting/prompt-strategy.ts';
import { isSpecularHighlight } from '../../prompting/specular-highlight.ts';
import { type Appearance, type ColourGrid, colourGridOf, learnAppearance } from '../appearance.ts';
import { ColourRefinement } from '../colour-refinement.ts';
import { maskGrid } from '../segmentation.ts';
import type { Track } from '../track.ts';
import type { MaskRefiner, TrackedObject } from '../tracked-object.ts';
import type { MaskCarrier } from './mask-carrier.ts';

/**
 * The frame in hand, as objects are seen on it: their carried masks, corrected by the frame's own colours. The
 * pixels are shared memory that belongs to the frame's lease, so they are let go of with the frame.
 */
export class PresentFrame {
  readonly #refinement = new ColourRefinement();
  #frame: Frame | null = null;
  /** Computed when first asked for. */
  #colours: ColourGrid | null = null;
  #coloursAreCurrent = false;
  /** Of the frame in hand, computed when first asked for. */
  #blank: BlankArea | null = null;
  #scratch = new Float32Array(0);

  begin(frame: Frame): void {
    this.#frame = frame;
    this.#coloursAreCurrent = false;
    this.#blank = null;
  }

  end(): void {
    this.#frame = null;
  }

  /** What an object looks like here, given its mask; null between frames. */
  appearanceOf(logits: Float32Array): Appearance | null {
    const colours = this.#presentColours();
    return colours === null ? null : learnAppearance(colours, logits);
  }

  /** An object's mask on this frame, in memory of its own; null while it is hidden. */
  logitsOf(object: TrackedObject): Float32Array | null {
    return object.presentLogits((size) => new Float32Array(size), this.#refine)?.data ?? null;
  }

  /** An object on this frame, as consumers see it. */
  trackOf(object: TrackedObject, width: number, height: number): Track {
    return object.toTrack(width, height, (size) => this.#scratchOf(size), this.#refine);
  }

  /**
   * What strategies may know: the picture and its motion, where live masks are, and where there is nothing to see.
   * Valid until the frame ends.
   */
  sceneOf(
    frame: Frame,
    objects: Iterable<TrackedObject>,
    carried: Pick<MaskCarrier, 'motion' | 'camera'>,
  ): PromptScene {
    let masks: MaskLogits[] | null = null;
    const liveMasks = (): MaskLogits[] => {
      masks ??= [...objects].flatMap(
        (object) => object.presentLogits((size) => new Float32Array(size)) ?? [],
      );
      return masks;
    };
    const colours = () => this.#colourPicture(frame);
    return {
      aspectRatio: frame.width / frame.height,
      luma: frame,
      get colours() {
        return colours();
      },
      motion: carried.motion,
      get camera() {
        return carried.camera;
      },
      isCovered: (x, y) =>
        this.#blankArea(frame).includes(x, y) ||
        isSpecularHighlight(frame, x, y) ||
        liveMasks().some((logits) => sampleLogits(logits, x, y) > 0),
    };
  }

  /** Part of the frame that shows anything, 0 to 1. */
  seenShareOf(frame: Frame): number {
    return this.#blankArea(frame).seenShare;
  }

  readonly #refine: MaskRefiner = (logits, appearance, uncertainty) => {
    const colours = this.#presentColours();
    if (colours !== null) this.#refinement.refine(logits, colours, appearance, uncertainty);
  };

  #blankArea(frame: Frame): BlankArea {
    this.#blank ??= new BlankArea(frame);
    return this.#blank;
  }

  #colourPicture({ pixelSize }: Frame): ColourPicture | null {
    const grid = this.#presentColours();
    if (grid === null) return null;
    const { spanX, spanY } = maskGrid(pixelSize);
    return {
      width: grid.width,
      contentWidth: Math.max(1, Math.floor(spanX)),
      contentHeight: Math.max(1, Math.floor(spanY)),
      colours: grid.colours,
    };
  }

  #presentColours(): ColourGrid | null {
    if (this.#frame === null) return null;
    if (!this.#coloursAreCurrent) {
      this.#colours = colourGridOf(this.#frame.pixels, this.#frame.pixelSize, this.#colours ?? undefined);
      this.#coloursAreCurrent = true;
    }
    return this.#colours;
  }

  #scratchOf(size: number): Float32Array {
    if (this.#scratch.length !== size) this.#scratch = new Float32Array(size);
    return this.#scratch;
  }
}
