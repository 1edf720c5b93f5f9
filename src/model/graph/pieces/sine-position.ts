/** Wavelengths grow from 2π to this many times as much. */
const temperature = 10_000;

/**
 * Sine position code of a square grid (Vaswani et al. 2017, for pictures as in DETR): per token the row's code and
 * then the column's, each of alternating sines and cosines. Rows and columns count from 1 and are stretched to 2π.
 *
 * @param channels a multiple of 4
 * @param side of the grid
 * @param stride cells along each side of a token, whose code is that of its centre
 * @returns [(side / stride)², channels], tokens row-major
 */
export function sinePosition(channels: number, side: number, stride = 1): Float32Array {
  const axisChannels = channels / 2;
  const lines: Float32Array[] = [];
  for (let line = (stride - 1) / 2; line < side; line += stride) {
    const place = ((line + 1) / (side + 1e-6)) * 2 * Math.PI;
    const code = new Float32Array(axisChannels);
    for (let channel = 0; channel < axisChannels; channel += 2) {
      const angle = place / temperature ** (channel / axisChannels);
      code[channel] = Math.sin(angle);
      code[channel + 1] = Math.cos(angle);
    }
    lines.push(code);
  }
  const codes = new Float32Array(lines.length ** 2 * channels);
  let at = 0;
  for (const row of lines) {
    for (const column of lines) {
      codes.set(row, at);
      codes.set(column, at + axisChannels);
      at += channels;
    }
  }
  return codes;
}
