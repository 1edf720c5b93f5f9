/** A YUV 4:2:0 picture of limited range: three planes without padding between rows, chroma at half size. */
export interface Picture {
  /** Even. */
  readonly width: number;
  /** Even. */
  readonly height: number;
  readonly y: Uint8Array;
  readonly u: Uint8Array;
  readonly v: Uint8Array;
  /** The planes one after the other (I420). */
  readonly data: Uint8Array;
}

/** Throws `RangeError` for sides that are not even. */
export function createPicture(width: number, height: number): Picture {
  if (width < 2 || height < 2 || width % 2 !== 0 || height % 2 !== 0) {
    throw new RangeError(`a 4:2:0 picture cannot be ${width}x${height}`);
  }
  const luma = width * height;
  const data = new Uint8Array(luma + luma / 2);
  const y = data.subarray(0, luma);
  const u = data.subarray(luma, luma + luma / 4);
  const v = data.subarray(luma + luma / 4);
  return { width, height, y, u, v, data };
}
