import type { GraphBuilder } from '../graph-builder.ts';

/**
 * Rows [n, in] times a weight [out, in] as checkpoints store it, plus a bias [out] if there is one: -> [n, out].
 * As quick as with a transposed weight, of which a copy would have to be made.
 */
export function rowProduct(builder: GraphBuilder, rows: string, weight: string, bias?: string): string {
  return builder.add('Gemm', bias === undefined ? [rows, weight] : [rows, weight, bias], { transB: 1 });
}
