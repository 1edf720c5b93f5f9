/** Hiera, the image encoder's trunk (Ryali et al. 2023), as SAM 2 uses it. Blocks are counted from 0 across stages. */
export interface TrunkArchitecture {
  /** Channels of the first stage; each later stage doubles them. */
  readonly embedDimension: number;
  /** Attention heads of the first stage; each later stage doubles them. */
  readonly heads: number;
  /** Blocks per stage, four stages. */
  readonly stages: readonly number[];
  /** Side of the attention window per stage, in tokens of that stage. */
  readonly windows: readonly number[];
  /** Blocks that attend to the whole picture. */
  readonly globalBlocks: readonly number[];
}

/** What a SAM 2 model is made of, read off its checkpoint. Sizes that a weight's shape tells are not repeated here. */
export interface Sam2Architecture {
  /** Such as `hiera_t`. */
  readonly family: string;
  /** SAM 2.1 adds a spatial embedding of absence and the time of object pointers to SAM 2. */
  readonly version: '2.0' | '2.1';
  readonly trunk: TrunkArchitecture;
  /** Channels of the stride-16 feature, C: 256 in all published models. */
  readonly channels: number;
  /** Channels of a memory, 64 in all published models. A pointer splits into `channels / memoryChannels` tokens. */
  readonly memoryChannels: number;
  /** Memories that an object attends to, its conditioning frame included: 7. */
  readonly memories: number;
  /** Layers of memory attention: 4. */
  readonly memoryLayers: number;
  /** Side of the square input that the model was trained for, pixels. */
  readonly defaultImageSize: number;
}

/** Sizes that follow from an architecture and the side of its square input. */
export interface Sam2Geometry {
  /** Side of the input, pixels: a multiple of 32. */
  readonly imageSize: number;
  /** Side of the stride-16 feature grid, h = w. */
  readonly gridSize: number;
  /** Side of low-resolution masks: 4 times the grid. */
  readonly maskSize: number;
}
