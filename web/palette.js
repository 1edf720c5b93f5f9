/** Okabe and Ito's colours that people with any colour vision tell apart, without black. */
const distinct = [
  [230, 159, 0],
  [86, 180, 233],
  [0, 158, 115],
  [240, 228, 66],
  [0, 114, 178],
  [213, 94, 0],
  [204, 121, 167],
];

/** How each further round of the same hues differs: mixed with white or black by this much. */
const rounds = [
  { towards: 0, share: 0 },
  { towards: 255, share: 0.45 },
  { towards: 0, share: 0.4 },
];

/**
 * Colour of an object, always the same for its id and the same as in the service's own drawings.
 *
 * @param {number} id
 * @returns {[number, number, number]} red, green and blue, 0 to 255
 */
export function colourOf(id) {
  const place = Math.abs(Math.trunc(id) - 1);
  const colour = distinct[place % distinct.length];
  const { towards, share } = rounds[Math.floor(place / distinct.length) % rounds.length];
  return colour.map((value) => Math.round(value + (towards - value) * share));
}

/** Black or white, whichever reads better on a colour (WCAG 2 relative luminance). */
export function textColourOn(colour) {
  const [red, green, blue] = colour.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? '#000' : '#fff';
}

export function cssColour(colour, alpha = 1) {
  return `rgb(${colour.join(' ')} / ${alpha})`;
}
