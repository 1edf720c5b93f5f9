import { z } from 'zod';
import { streamIdSchema } from './track-message.ts';

export const pictureHeaderSchema = z
  .object({
    streamId: streamIdSchema,
    frameIndex: z.int().min(0).describe('The `frame.index` of the tracks that belong to the picture.'),
    timestampNs: z.string().describe('Capture clock, nanoseconds, decimal.'),
    width: z.int().min(1).describe('Of the JPEG, pixels; often smaller than the source.'),
    height: z.int().min(1).describe('Of the JPEG, pixels.'),
  })
  .describe(
    "Binary message: the bytes 'TCP1', the length of this JSON header as little-endian uint16, the header as UTF-8, the JPEG.",
  );

export type PictureHeader = z.infer<typeof pictureHeaderSchema>;

const magic = Buffer.from('TCP1', 'latin1');
const prefixBytes = 6;

/** Packs a preview picture into one binary message. Throws `RangeError` for a header over 65535 bytes. */
export function packPicture(header: PictureHeader, jpeg: Uint8Array): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  if (json.length > 0xffff) throw new RangeError(`a picture header of ${json.length} bytes is too long`);
  const packet = Buffer.allocUnsafe(prefixBytes + json.length + jpeg.length);
  magic.copy(packet);
  packet.writeUInt16LE(json.length, magic.length);
  json.copy(packet, prefixBytes);
  packet.set(jpeg, prefixBytes + json.length);
  return packet;
}
