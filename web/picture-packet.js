const magic = 0x31504354; // 'TCP1', little-endian
const prefixBytes = 6;

/**
 * Takes a binary message apart: `TCP1`, the header's length as little-endian uint16, the header as JSON, a JPEG.
 *
 * @param {ArrayBuffer} buffer
 * @returns {{ streamId: string, frameIndex: number, width: number, height: number, jpeg: Uint8Array } | null} null
 *   for messages of another kind
 */
export function readPicture(buffer) {
  const view = new DataView(buffer);
  if (view.byteLength < prefixBytes || view.getUint32(0, true) !== magic) return null;
  const headerBytes = view.getUint16(4, true);
  if (view.byteLength < prefixBytes + headerBytes) return null;
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, prefixBytes, headerBytes)));
  return { ...header, jpeg: new Uint8Array(buffer, prefixBytes + headerBytes) };
}
