/**
 * Reads the counts of COCO's compressed run-length encoding: lengths of alternating runs of zeros and ones, down
 * the columns. Each character carries five bits, lowest first, and a sign to continue; from the third run on, a
 * number is the difference to the run before last of the same kind.
 *
 * @param {string} counts
 * @param {number} pixels height times width: what the runs must add up to
 * @returns {number[]}
 * @throws {RangeError} when the text is cut off, or the runs do not add up
 */
export function readRuns(counts, pixels) {
  const runs = [];
  let total = 0;
  let at = 0;
  while (at < counts.length) {
    let value = 0;
    let shift = 0;
    let digit;
    do {
      digit = counts.charCodeAt(at++) - 48;
      if (!(digit >= 0 && digit < 64) || shift > 25) throw new RangeError('the run lengths are damaged');
      value |= (digit & 0x1f) << shift;
      shift += 5;
    } while (digit & 0x20);
    if (digit & 0x10) value |= -1 << shift;
    if (runs.length > 2) value += runs[runs.length - 2];
    if (value < 0) throw new RangeError('a run is shorter than nothing');
    runs.push(value);
    total += value;
  }
  if (total !== pixels) throw new RangeError('the run lengths do not add up to the picture');
  return runs;
}

/**
 * Writes `id` into a map wherever a mask is set, scaled to the map's size by picking the nearest pixel.
 *
 * @param {{ size: readonly [number, number], counts: string }} mask `size` is height and width
 * @param {Uint8Array} map `mapHeight` rows of `mapWidth` values
 */
export function paintMask(mask, map, mapWidth, mapHeight, id) {
  const [height, width] = mask.size;
  const runs = readRuns(mask.counts, height * width);
  const columnOf = scaledPlaces(width, mapWidth);
  const rowOf = scaledPlaces(height, mapHeight);
  let from = 0;
  for (let run = 0; run < runs.length; run++) {
    const to = from + runs[run];
    if (run % 2 === 1) {
      for (let start = from; start < to; ) {
        const column = Math.floor(start / height);
        const end = Math.min(to, (column + 1) * height);
        const top = rowOf[start - column * height];
        const bottom = rowOf[end - column * height];
        for (let x = columnOf[column]; x < columnOf[column + 1]; x++) {
          for (let y = top; y < bottom; y++) map[y * mapWidth + x] = id;
        }
        start = end;
      }
    }
    from = to;
  }
}

const placesBySize = new Map();

/**
 * For each source place the first target place that shows it or a later one, and at the end the number of
 * target places.
 */
function scaledPlaces(source, target) {
  const key = `${source}:${target}`;
  let places = placesBySize.get(key);
  if (places === undefined) {
    places = new Int32Array(source + 1);
    for (let place = 0; place <= source; place++) places[place] = Math.ceil((place * target) / source - 0.5);
    places[source] = target;
    if (placesBySize.size > 64) placesBySize.clear();
    placesBySize.set(key, places);
  }
  return places;
}
