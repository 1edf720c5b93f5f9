/**
 * The product of two linear maps, for layers with nothing between them: a [rows, inner] and b [inner, columns]
 * -> [rows, columns], all row-major.
 */
export function matrixProduct(a: ArrayLike<number>, b: ArrayLike<number>, inner: number): Float64Array {
  const rows = a.length / inner;
  const columns = b.length / inner;
  const product = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let middle = 0; middle < inner; middle++) {
      const factor = a[row * inner + middle] as number;
      for (let column = 0; column < columns; column++) {
        const at = row * columns + column;
        product[at] = (product[at] as number) + factor * (b[middle * columns + column] as number);
      }
    }
  }
  return product;
}

/** [rows, columns] -> [columns, rows] */
export function transposedMatrix(values: ArrayLike<number>, columns: number): Float64Array {
  const rows = values.length / columns;
  return Float64Array.from(
    values,
    (_, at) => values[(at % rows) * columns + Math.floor(at / rows)] as number,
  );
}
