import { writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import {
  AV_CODEC_FLAG_QSCALE,
  AV_CODEC_ID_MJPEG,
  AV_CODEC_ID_PNG,
  AV_PIX_FMT_RGB24,
  AV_PIX_FMT_YUV420P,
  AVCOL_RANGE_JPEG,
  FF_QP2LAMBDA,
} from 'node-av/constants';
import { Codec, CodecContext, Packet, Rational } from 'node-av/lib';
import { allocatePicture, PictureScaler } from '../ingest/picture-scaler.ts';
import type { RgbPicture } from './overlay.ts';

export type PictureFileFormat = 'png' | 'jpeg';

/** JPEG quantiser, 1 (finest) to 31. */
const jpegQuantiser = 3;

/** Writes a picture; the name's ending says how: `.png`, else JPEG. Rejects when the file cannot be written. */
export async function writePicture(path: string, picture: RgbPicture): Promise<void> {
  await writeFile(path, encodePicture(picture, extname(path).toLowerCase() === '.png' ? 'png' : 'jpeg'));
}

/** Encodes a picture as the bytes of a file. Throws `RangeError` when the encoder refuses it. */
export function encodePicture(picture: RgbPicture, format: PictureFileFormat): Uint8Array {
  const { width, height, data } = picture;
  const codec = Codec.findEncoder(format === 'png' ? AV_CODEC_ID_PNG : AV_CODEC_ID_MJPEG);
  using context = new CodecContext();
  using packet = new Packet();
  using source = allocatePicture(width, height, AV_PIX_FMT_RGB24);
  using scaler = new PictureScaler(AV_PIX_FMT_YUV420P, 'exact');
  const plane = source.data?.[0];
  const stride = source.linesize[0] ?? 0;
  for (let row = 0; row < height; row++) {
    plane?.set(data.subarray(row * width * 3, (row + 1) * width * 3), row * stride);
  }
  const frame = format === 'png' ? source : scaler.scale(source, width, height);
  context.allocContext3(codec);
  context.width = width;
  context.height = height;
  context.pixelFormat = format === 'png' ? AV_PIX_FMT_RGB24 : AV_PIX_FMT_YUV420P;
  context.colorRange = AVCOL_RANGE_JPEG;
  context.timeBase = new Rational(1, 25);
  context.threadCount = 1;
  if (format === 'jpeg') {
    context.setFlags(AV_CODEC_FLAG_QSCALE);
    context.globalQuality = jpegQuantiser * FF_QP2LAMBDA;
    frame.quality = jpegQuantiser * FF_QP2LAMBDA;
  }
  packet.alloc();
  let code = context.open2Sync(codec);
  if (code >= 0) code = context.sendFrameSync(frame);
  if (code >= 0) code = context.sendFrameSync(null);
  if (code >= 0) code = context.receivePacketSync(packet);
  if (code < 0 || packet.data === null) {
    throw new RangeError(`a picture of ${width}x${height} cannot be encoded as ${format} (${code})`);
  }
  return new Uint8Array(packet.data);
}
