/** A binary mask in COCO's compressed run-length encoding: column-major, readable by pycocotools unchanged. */
export interface RunLengthMask {
  /** `[height, width]`, pixels. */
  readonly size: readonly [number, number];
  readonly counts: string;
}
