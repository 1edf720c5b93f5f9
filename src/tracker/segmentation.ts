import type { FittedSize } from '../buffer/frame.ts';
import type { Box } from '../mask/box.ts';
import type { MaskLogits } from '../mask/mask-logits.ts';
import type { PromptShape } from '../prompting/prompt.ts';
import type { Appearance } from './appearance.ts';
import type { Descriptor } from './identity/descriptor.ts';

/** The candidate of an earlier look that an automatic object was made of. */
export interface CandidateOrigin {
  /** Frame of that look. */
  readonly frameIndex: number;
  /** Place among its candidates. */
  readonly candidate: number;
}

/** An object that the segmenter is asked to find again. */
export interface SegmentationTarget {
  readonly objectId: number;
  /** Where motion carried the object's mask, `gridWidth * gridHeight` logits; null while it is not in view. */
  readonly prior: Float32Array | null;
  /** 0 to 1: how far the prior can be trusted. */
  readonly priorSupport: number;
  /** Absent for objects that a person asked for. */
  readonly origin?: CandidateOrigin | undefined;
}

/** An object shown by a prompt on this very frame. */
export interface PromptedTarget {
  readonly objectId: number;
  readonly shape: PromptShape;
  /** The mask that the prompt corrects, or the decoded mask of a mask prompt; logits on the mask grid. */
  readonly currentLogits: Float32Array | null;
  /** Absent for objects that a person asked for. */
  readonly origin?: CandidateOrigin | undefined;
}

/** A box in which a detector has seen something. */
export interface DetectedBox {
  /** Source pixels. */
  readonly box: Box;
  readonly label: string;
  /** 0 to 1. */
  readonly score: number;
}

/** Something that a look found for an object, and that is not it. */
export interface DisownedSighting {
  readonly objectId: number;
  /** Frame of that look. */
  readonly frameIndex: number;
}

/** One look of a segmentation model at one frame. Plain data: it crosses threads. */
export interface SegmentationRequest {
  readonly streamId: string;
  readonly frameIndex: number;
  /**
   * RGB, interleaved; see `Frame.pixels`. Null to look again at what the segmenter has kept of its last look at this
   * stream, which was at this very frame: only prompts are decoded then, and nothing is encoded.
   */
  readonly pixels: Uint8Array | null;
  readonly pixelSize: FittedSize;
  /** Source pixels. */
  readonly width: number;
  readonly height: number;
  readonly targets: readonly SegmentationTarget[];
  readonly prompted: readonly PromptedTarget[];
  /** Points to try for new objects: x, y pairs in parts of the picture, 0 to 1. */
  readonly gridPoints: Float32Array;
  /** Whether the detector, where there is one, is to look at the frame as well. */
  readonly detect?: boolean;
  /** What it has seen there that is not tracked: boxes to try for new objects. */
  readonly detections?: readonly DetectedBox[];
  /** Objects that exist no more; their memories can go. */
  readonly forgotten: readonly number[];
  /** What earlier looks took for objects and was something else: it is to be remembered no longer. */
  readonly disowned?: readonly DisownedSighting[];
  /** True when what was remembered is about another scene or was reset. */
  readonly forgetAll: boolean;
}

/** What became of one target. */
export interface FoundObject {
  readonly objectId: number;
  /** Null when the object is not in the picture. */
  readonly logits: Float32Array | null;
  /** 0 to 1: predicted overlap of the mask with the truth, lowered by disagreement with memory. */
  readonly score: number;
  /** Its colours on this frame; null where they were not learned. */
  readonly appearance: Appearance | null;
  /** What it looks like to the model on this frame; null where that is not known. */
  readonly descriptor: Descriptor | null;
  /** True where the model has not judged by itself that this is the object: how it looks has to be compared. */
  readonly isPresumed?: boolean;
}

/** A possible new object. */
export interface Candidate {
  readonly logits: Float32Array;
  readonly predictedIou: number;
  /** IoU of the mask at a stricter and a looser threshold (Kirillov et al. 2023, section 5). */
  readonly stability: number;
  /** The point that proposed it, parts of the picture. */
  readonly x: number;
  readonly y: number;
  /** What it looks like to the model; null where that is not known. */
  readonly descriptor: Descriptor | null;
  /** What the detector says of the box that proposed it; absent where a point did. */
  readonly detection?: DetectedBox;
}

/** What a detector said of a frame besides the candidates that came of it. */
export interface DetectionReport {
  /** Tracked objects in whose place it has seen something, best first. */
  readonly sightings: readonly (Pick<DetectedBox, 'label' | 'score'> & { readonly objectId: number })[];
  /** Boxes that were tried for new objects. */
  readonly tried: number;
  /** Why it failed; null where it did not. */
  readonly failure: string | null;
}

/** Milliseconds that the stages of one segmentation took. */
export interface SegmentationTiming {
  readonly encode: number;
  readonly match: number;
  readonly decode: number;
  /** Part of `decode` that points for new objects took; absent where it is not told apart. */
  readonly candidates?: number;
  /** What the detector took; absent where it did not look. */
  readonly detect?: number;
  readonly total: number;
}

export interface SegmentationResult {
  readonly streamId: string;
  readonly frameIndex: number;
  /** Geometry of all logits in the result. */
  readonly grid: Pick<MaskLogits, 'width' | 'height' | 'spanX' | 'spanY'>;
  readonly objects: readonly FoundObject[];
  readonly candidates: readonly Candidate[];
  /** Absent where no detector looked. */
  readonly detection?: DetectionReport;
  readonly timing: SegmentationTiming;
}

/** A segmentation that failed; its stream goes on with what it had. */
export interface SegmentationFailure {
  readonly streamId: string;
  readonly frameIndex: number;
  readonly error: Error;
}

export type SegmentationOutcome =
  | { readonly kind: 'result'; readonly result: SegmentationResult }
  | { readonly kind: 'failure'; readonly failure: SegmentationFailure };

/**
 * Where a stream's segmentations run: a worker thread in live operation, in virtual time for evaluation. At
 * most one request per stream is under way.
 */
export interface SegmentationLane {
  /**
   * Whether a request of this stream would be taken now.
   *
   * @param isUrgent whether a person waits for it, so that it goes before the turns of other streams
   */
  canStart(streamId: string, isUrgent?: boolean): boolean;
  /** Hands a request over. Resolves once `request.pixels` is not needed any more. */
  start(request: SegmentationRequest): Promise<void>;
  /** The outcome of the stream's request if it is there by now, once. */
  take(streamId: string): SegmentationOutcome | null;
  /** Resolves once the stream's request, if one is under way, can be taken. */
  finished(streamId: string): Promise<void>;
  /** Drops what is under way or remembered of a stream. */
  closeStream(streamId: string): void;
  dispose(): Promise<void>;
}

/** What runs a segmentation in the calling thread, and blocks it. Owns the memories of all streams on its device. */
export interface Segmenter {
  /** Throws `TRACKCAST_INFERENCE_FAILED`, also where a request without pixels is not about what is kept. */
  segment(request: SegmentationRequest): Promise<SegmentationResult>;
  /** Forgets a stream. */
  closeStream(streamId: string): void;
  dispose(): Promise<void>;
}

/** A segmenter with its models loaded. */
export interface LoadedSegmenter extends Segmenter {
  /** Where the models run. */
  readonly provider: string;
  /** Execution providers that were preferred and are not there. */
  readonly refusedProviders: readonly { readonly provider: string; readonly reason: string }[];
}

/** Size of the mask grid for model pixels: one logit per 4 x 4 pixels, as SAM's decoder gives them. */
export function maskGrid(size: FittedSize): Pick<MaskLogits, 'width' | 'height' | 'spanX' | 'spanY'> {
  return {
    width: size.width / 4,
    height: size.height / 4,
    spanX: size.contentWidth / 4,
    spanY: size.contentHeight / 4,
  };
}
