/** Size without an odd last column or row, which H.264 with subsampled colour cannot carry. */
export function croppedToEven(size: { readonly width: number; readonly height: number }): {
  width: number;
  height: number;
} {
  return { width: size.width & ~1, height: size.height & ~1 };
}

/**
 * The top left part of a picture: `height` rows, of each row the first `bytes`. The picture itself when nothing is
 * cut off.
 *
 * @param rowBytes bytes from one row of `pixels` to the next
 */
export function cropPixels(pixels: Uint8Array, rowBytes: number, bytes: number, height: number): Uint8Array {
  if (rowBytes === bytes && pixels.length === bytes * height) return pixels;
  const cropped = new Uint8Array(bytes * height);
  for (let row = 0; row < height; row++) {
    cropped.set(pixels.subarray(row * rowBytes, row * rowBytes + bytes), row * bytes);
  }
  return cropped;
}
