import type { GraphBuilder } from '../graph-builder.ts';

/**
 * Random Fourier features of points (Tancik et al. 2020): coordinates [.., 2] float32, x and y from 0 to 1 across the
 * picture -> [.., 2 * frequencies] float32, all sines before all cosines. In float32 in every precision, as phases
 * are many turns.
 *
 * @param matrix key of the frequencies [2, frequencies]
 */
export function fourierPoints(builder: GraphBuilder, coordinates: string, matrix: string): string {
  const doubled = builder.add('Mul', [coordinates, builder.singles([2])]);
  const centred = builder.add('Sub', [doubled, builder.singles([1])]);
  const turns = builder.add('MatMul', [centred, builder.toSingle(builder.weight(matrix))]);
  const phases = builder.add('Mul', [turns, builder.singles([2 * Math.PI])]);
  return builder.add('Concat', [builder.add('Sin', [phases]), builder.add('Cos', [phases])], { axis: -1 });
}

/**
 * Codes of the centres of a square grid's cells: [side^2, 2 * frequencies] float32, row-major. A constant: sessions
 * compute it once, when they open.
 */
export function fourierGrid(builder: GraphBuilder, side: number, matrix: string): string {
  const centres = Float32Array.from({ length: side * side * 2 }, (_, at) => {
    const cell = Math.floor(at / 2);
    return ((at % 2 === 0 ? cell % side : Math.floor(cell / side)) + 0.5) / side;
  });
  return fourierPoints(builder, builder.singles(centres, [side * side, 2]), matrix);
}
