/** An axis-aligned box: top left corner and size, in the pixels of the picture it belongs to. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}
