import type { GraphBuilder } from '../graph-builder.ts';

const temperature = 10_000;

/**
 * Sine code of times: float32 [..] -> [.., channels] in the graph's precision, all sines before all cosines. Pairs of
 * neighbouring sines, and of cosines, share their wavelength (`get_1d_sine_pe` of the published model).
 *
 * @param channels an even number
 */
export function timeEncoding(builder: GraphBuilder, times: string, channels: number): string {
  const half = channels / 2;
  const wavelengths = Array.from({ length: half }, (_, at) => temperature ** ((at - (at % 2)) / half));
  const columns = builder.add('Unsqueeze', [times, builder.integers([-1])]);
  const angles = builder.add('Div', [columns, builder.singles(wavelengths)]);
  const waves = [builder.add('Sin', [angles]), builder.add('Cos', [angles])];
  return builder.fromSingle(builder.add('Concat', waves, { axis: -1 }));
}
