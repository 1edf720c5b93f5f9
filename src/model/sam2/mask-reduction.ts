/** Side and stride of the learned kernel. */
const side = 4;

/**
 * The learned reduction of a full-size binary mask to the size of low-resolution masks: a 4 x 4 convolution of stride
 * 4, weights `mask_downsample`. The result is the dense prompt from which a mask prompt gets its object pointer.
 */
export class MaskReduction {
  readonly #kernel: Float32Array;
  readonly #bias: number;

  /** @param kernel 16 values, row-major */
  constructor(kernel: Float32Array, bias: number) {
    this.#kernel = kernel;
    this.#bias = bias;
  }

  /** @param mask `size * size` values; `size` is a multiple of 4 */
  reduce(mask: Float32Array, size: number): Float32Array {
    const reduced = size / side;
    const result = new Float32Array(reduced * reduced);
    for (let y = 0; y < reduced; y++) {
      for (let x = 0; x < reduced; x++) {
        let sum = this.#bias;
        for (let row = 0; row < side; row++) {
          const from = (y * side + row) * size + x * side;
          for (let column = 0; column < side; column++) {
            sum += (this.#kernel[row * side + column] as number) * (mask[from + column] as number);
          }
        }
        result[y * reduced + x] = sum;
      }
    }
    return result;
  }
}
