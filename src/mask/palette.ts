/** Red, green and blue, 0 to 255. */
export type Colour = readonly [number, number, number];

/** Okabe and Ito's colours that people with any colour vision tell apart, without black. */
const distinct: readonly Colour[] = [
  [230, 159, 0],
  [86, 180, 233],
  [0, 158, 115],
  [240, 228, 66],
  [0, 114, 178],
  [213, 94, 0],
  [204, 121, 167],
];

/** How each further round of the same hues differs: mixed with white or black by this much. */
const rounds: readonly { readonly towards: number; readonly share: number }[] = [
  { towards: 0, share: 0 },
  { towards: 255, share: 0.45 },
  { towards: 0, share: 0.4 },
];

/**
 * Colour of an object, always the same for its id. The first seven ids are told apart by hue, the first 21 by hue
 * and lightness; then colours repeat.
 */
export function colourOf(id: number): Colour {
  const place = Math.abs(Math.trunc(id) - 1);
  const [red, green, blue] = distinct[place % distinct.length] ?? [0, 0, 0];
  const { towards, share } = rounds[Math.floor(place / distinct.length) % rounds.length] ?? {
    towards: 0,
    share: 0,
  };
  const mix = (value: number) => Math.round(value + (towards - value) * share);
  return [mix(red), mix(green), mix(blue)];
}

/** Black or white, whichever reads better on `colour` (contrast by WCAG 2 relative luminance). */
export function textColourOn(colour: Colour): Colour {
  const [red, green, blue] = colour.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * (red ?? 0) + 0.7152 * (green ?? 0) + 0.0722 * (blue ?? 0);
  return luminance > 0.179 ? [0, 0, 0] : [255, 255, 255];
}
