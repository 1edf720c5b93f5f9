import { maskToLowResolution, maskToModel } from '../../model/sam2/mask-resize.ts';
import type {
  DecodedObject,
  PromptRequest,
  Sam2Runtime,
  SparsePrompt,
} from '../../model/sam2/sam2-runtime.ts';

/** Logit of presence of a mask with pixels; its opposite is that of an empty mask. */
const certainScore = 10;

/** No clicks: the prompt encoder is given one point that is none. */
const noPoints: SparsePrompt = { points: new Float32Array(2), labels: [-1] };

/** A mask that is given, and what it stands for. */
export interface MaskOutput {
  /** What the decoder is asked for the sake of the object pointer. */
  readonly request: PromptRequest;
  /** What becomes of the decoder's answer. */
  complete(decoded: DecodedObject): DecodedObject;
}

/**
 * Takes a mask that is given for what the decoder says of an object (`_use_mask_as_output` of the published model). The
 * decoder is only asked for the object pointer, shown the bare picture with the mask as its dense prompt. The object is
 * present if the mask has a pixel, whatever the decoder thinks; its pointer is that of absence if either says so.
 *
 * @param mask `height` rows of `width` values, 0 outside and anything else inside
 */
export function maskAsOutput(
  runtime: Pick<Sam2Runtime, 'geometry' | 'reduceMask' | 'absentPointer'>,
  mask: Uint8Array,
  width: number,
  height: number,
): MaskOutput {
  const { imageSize } = runtime.geometry;
  const resized = maskToModel(mask, width, height, imageSize);
  const isPresent = resized.includes(1);
  const lowResMask = maskToLowResolution(resized, imageSize);
  const dense = runtime.reduceMask(Float32Array.from(resized));
  return {
    request: { ground: { kind: 'raw' }, sparse: noPoints, mask: dense, multimask: false },
    complete: ({ pointer }) => ({
      lowResMask,
      ious: new Float32Array(4).fill(1),
      maskIndex: 0,
      objectScore: isPresent ? certainScore : -certainScore,
      pointer: isPresent ? pointer : runtime.absentPointer,
    }),
  };
}
