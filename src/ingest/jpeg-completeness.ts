/** Second bytes of markers (ITU-T T.81, table B.1). */
const marker = { firstRestart: 0xd0, lastRestart: 0xd7, start: 0xd8, end: 0xd9, temporary: 0x01 };

/**
 * Whether a JPEG image goes on to its end marker (ITU-T T.81, B.1.1.3 and B.2.1). What was cut off may be so little
 * that a decoder does not miss it, and shows the rest of the picture in grey. End markers inside of segments, such as
 * those of thumbnails, do not count.
 */
export function isCompleteJpeg(bytes: Uint8Array): boolean {
  let at = 0;
  for (;;) {
    // In coded data the byte 0xff is followed by 0, everywhere else by a marker; it may stand several times.
    at = bytes.indexOf(0xff, at);
    if (at < 0) return false;
    while (bytes[at] === 0xff) at++;
    const code = bytes[at++];
    if (code === undefined) return false;
    if (code === marker.end) return true;
    if (code === 0 || standsAlone(code)) continue;
    at += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  }
}

/** Whether no segment with a length follows a marker. */
function standsAlone(code: number): boolean {
  const { start, temporary, firstRestart, lastRestart } = marker;
  return code === start || code === temporary || (code >= firstRestart && code <= lastRestart);
}
