import { maskToLowResolution, maskToModel } from '../../model/sam2/mask-resize.ts';
import type {
  DecodedObject,
  FrameFeatures,
  Sam2Runtime,
  SparsePrompt,
} from '../../model/sam2/sam2-runtime.ts';

/** Logit of presence of a mask with pixels; its opposite is that of an empty mask. */
const certainScore = 10;

/** No clicks: the prompt encoder is given one point that is none. */
const noPoints: SparsePrompt = { points: new Float32Array(2), labels: [-1] };

/**
 * Takes a mask that is given for what the decoder says of an object (`_use_mask_as_output` of the published model). The
 * decoder is only asked for the object pointer, shown the bare picture with the mask as its dense prompt. The object is
 * present if the mask has a pixel, whatever the decoder thinks; its pointer is that of absence if either says so.
 *
 * @param mask `height` rows of `width` values, 0 outside and anything else inside
 */
export async function maskAsOutput(
  runtime: Sam2Runtime,
  features: FrameFeatures,
  mask: Uint8Array,
  width: number,
  height: number,
): Promise<DecodedObject> {
  const { imageSize } = runtime.geometry;
  const resized = maskToModel(mask, width, height, imageSize);
  const isPresent = resized.includes(1);
  const decoded = await runtime.prompt(features, {
    ground: { kind: 'raw' },
    sparse: noPoints,
    mask: runtime.reduceMask(Float32Array.from(resized)),
    multimask: false,
  });
  return {
    lowResMask: maskToLowResolution(resized, imageSize),
    ious: new Float32Array(4).fill(1),
    maskIndex: 0,
    objectScore: isPresent ? certainScore : -certainScore,
    pointer: isPresent ? decoded.pointer : runtime.absentPointer,
  };
}
