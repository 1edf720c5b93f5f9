import type { Precision } from '../graph/graph-builder.ts';
import type { Sam2Architecture, Sam2Geometry } from './architecture.ts';

/** Masks that one click proposes: those of the three multimask tokens. */
export const masksPerClick = 3;

/** Activations as they leave the model: float32 values, or the bits of float16 values. */
export type Activations = Float32Array | Uint16Array;

/** What the image encoder made of one picture. Lives on the device where it can; release it. */
export interface FrameFeatures extends Disposable {
  readonly imageSize: number;
}

/** One spatial memory as an object attends to it. */
export interface MemorySlot {
  /** `gridSize²` tokens of `memoryChannels`. */
  readonly memory: Activations;
  /** Row of `maskmem_tpos_enc`: 6 for conditioning frames, otherwise how many frames back it is, less one. */
  readonly row: number;
}

/** One object pointer as an object attends to it. */
export interface PointerSlot {
  /** `channels` values. */
  readonly pointer: Activations;
  /** Distance in frames over the longest distance of pointers (15). */
  readonly time: number;
}

/** All that one object attends to on one frame, in the order of tokens; neither list is empty. */
export interface ObjectMemory {
  readonly memories: readonly MemorySlot[];
  readonly pointers: readonly PointerSlot[];
  /** Asks for all the masks that a step chooses from; they cost time and are rarely needed. */
  readonly candidates?: boolean;
}

/** What the mask decoder says of one object. Arrays belong to the caller. */
export interface DecodedObject {
  /** The chosen mask, `maskSize²` logits; -1024 everywhere when the object is absent. */
  readonly lowResMask: Float32Array;
  /** Predicted IoU of the four mask tokens, 0 to 1. */
  readonly ious: Float32Array;
  /** The mask that was chosen: 0 is the single-mask token, 1 to 3 are the multimask tokens. */
  readonly maskIndex: number;
  /** Logit of presence; the object is absent at or below 0. */
  readonly objectScore: number;
  /** `channels` values; the learned pointer of absence when the object is absent. */
  readonly pointer: Activations;
}

/** What a step chose from: the masks of the three multimask tokens, in their order. */
export interface MaskCandidates {
  /** `3 * maskSize²` logits. */
  readonly masks: Float32Array;
  /** `3 * channels` values: the pointer that would go with each mask if the object is present. */
  readonly pointers: Activations;
}

/** A tracked object on one frame, with the memory that it leaves there. */
export interface ObjectStep extends DecodedObject {
  readonly memory: Activations;
  /** There when they were asked for and the runtime can give them. */
  readonly candidates?: MaskCandidates;
}

/** Clicks and boxes as the prompt encoder takes them, without the padding point. */
export interface SparsePrompt {
  /** x, y pairs in pixels of the model's square input. */
  readonly points: Float32Array;
  /** 1 positive, 0 negative, 2 and 3 the corners of a box, which come first; -1 a point that is none, instead of no points. */
  readonly labels: readonly number[];
}

/** What the decoder looks at when it is shown a prompt. */
export type PromptGround =
  /** An object's first frame: the picture without memory, marked as such (`no_mem_embed`). */
  | { readonly kind: 'initial' }
  /** The picture as it is, for masks that are given. */
  | { readonly kind: 'raw' }
  /** The picture after memory attention, for corrections of a tracked object. */
  | { readonly kind: 'remembered'; readonly memory: ObjectMemory };

export interface PromptRequest {
  readonly ground: PromptGround;
  readonly sparse: SparsePrompt;
  /** `maskSize²` logits as the dense prompt; null for none. */
  readonly mask: Float32Array | null;
  /** Whether the best of the three multimask tokens is chosen, rather than the single-mask token. */
  readonly multimask: boolean;
}

/** What an object is remembered by. */
export interface MaskToRemember {
  /** `maskSize²` logits. */
  readonly lowResMask: Float32Array;
  readonly objectScore: number;
  /** Memories of tracked frames keep the doubts of their masks; masks of prompted objects, the default, are binarised. */
  readonly isSoft?: boolean;
}

/** Sizes of batches, each list ascending. */
export interface BatchSizeLists {
  /** Of steps. */
  readonly objects: readonly number[];
  /** Of prompts, clicks to propose masks, and memories. */
  readonly prompts: readonly number[];
}

/** Masks that single clicks on a picture propose; nothing remembered is involved. */
export interface ProposedMasks {
  /** The three multimask tokens' masks of every click: `clicks * 3 * maskSize²` logits. */
  readonly masks: Float32Array;
  /** `clicks * 3` predicted IoUs. */
  readonly ious: Float32Array;
  /** Logit of presence per click. */
  readonly objectScores: Float32Array;
  /** The object pointer that would go with each mask if its object is present: `clicks * 3 * channels` values. */
  readonly pointers: Activations;
}

/**
 * SAM 2 on one device: a picture in, features out; features, prompts and memories in, masks and new memories out.
 * Knows nothing of time, identities or streams. Calls do not overlap. All may throw `TRACKCAST_INFERENCE_FAILED`, as
 * for features that were released; `RangeError` for arrays of another size than is said.
 */
export interface Sam2Runtime {
  readonly architecture: Sam2Architecture;
  readonly geometry: Sam2Geometry;
  readonly precision: Precision;
  /** @param pixels RGB, interleaved, `imageSize² * 3` bytes; free to reuse once the promise has resolved */
  encode(pixels: Uint8Array): Promise<FrameFeatures>;
  /** Finds every object on the picture by its memory, all in one batch (more if memory demands), and writes its new memories. */
  step(features: FrameFeatures, objects: readonly ObjectMemory[]): Promise<ObjectStep[]>;
  /** Decodes prompts, those in one batch that are alike. */
  promptAll(features: FrameFeatures, requests: readonly PromptRequest[]): Promise<DecodedObject[]>;
  /** Decodes single positive clicks as one batch. @param points x, y pairs in pixels of the model's input */
  propose(features: FrameFeatures, points: Float32Array): Promise<ProposedMasks>;
  /** The memories that objects leave, `gridSize² * memoryChannels` values each, in one batch. */
  rememberAll(features: FrameFeatures, objects: readonly MaskToRemember[]): Promise<Activations[]>;
  /** Gives back a memory that nothing will use again, so that its array can hold another one. */
  recycle?(memory: Activations): void;
  /** The learned reduction (4x4 convolution) of a binary mask of `imageSize²` to `maskSize²`: the dense prompt of mask prompts. */
  reduceMask(mask: Float32Array): Float32Array;
  /** The learned pointer of absence, `channels` values. */
  readonly absentPointer: Activations;
  /** Sizes of batches whose first run takes longer than later ones; there are none where it makes no difference. */
  readonly slowAtFirst?: BatchSizeLists;
  /** May be called more than once. */
  dispose(): Promise<void>;
}
