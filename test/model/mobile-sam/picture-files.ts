import { readFileSync } from 'node:fs';
import {
  AV_CODEC_ID_MJPEG,
  AV_CODEC_ID_PNG,
  AV_PIX_FMT_PAL8,
  AV_PIX_FMT_RGB24,
  type AVCodecID,
  SWS_BILINEAR,
} from 'node-av/constants';
import { Codec, CodecContext, Frame, Packet, SoftwareScaleContext } from 'node-av/lib';

/** Decodes one still picture; the caller frees the frame. */
function decodePicture(path: string, codecId: AVCodecID): Frame {
  const codec = Codec.findDecoder(codecId);
  if (!codec) throw new Error(`no decoder for ${path}`);
  using context = new CodecContext();
  using packet = new Packet();
  const frame = new Frame();
  context.allocContext3(codec);
  packet.alloc();
  packet.data = readFileSync(path);
  frame.alloc();
  const opened = context.open2Sync(codec);
  const sent = context.sendPacketSync(packet);
  context.sendPacketSync(null);
  const received = context.receiveFrameSync(frame);
  if (opened < 0 || sent < 0 || received < 0) throw new Error(`cannot decode ${path}`);
  return frame;
}

function copyRows(frame: Frame, rowBytes: number): Uint8Array {
  const plane = frame.data?.[0];
  const stride = frame.linesize[0];
  if (!plane || !stride) throw new Error('the picture has no plane');
  const rows = new Uint8Array(rowBytes * frame.height);
  for (let y = 0; y < frame.height; y++) {
    rows.set(plane.subarray(y * stride, y * stride + rowBytes), y * rowBytes);
  }
  return rows;
}

/** A JPEG file as interleaved RGB, stretched to a size. */
export function readJpeg(path: string, width: number, height: number): Uint8Array {
  using source = decodePicture(path, AV_CODEC_ID_MJPEG);
  using scaled = new Frame();
  using scaler = new SoftwareScaleContext();
  scaler.getContext(
    source.width,
    source.height,
    source.format as Parameters<typeof scaler.getContext>[2],
    width,
    height,
    AV_PIX_FMT_RGB24,
    SWS_BILINEAR,
  );
  scaled.alloc();
  scaled.width = width;
  scaled.height = height;
  scaled.format = AV_PIX_FMT_RGB24;
  scaled.getBuffer(0);
  scaler.scaleFrameSync(scaled, source);
  return copyRows(scaled, width * 3);
}

/** Object numbers of a DAVIS-style annotation: a PNG file with a palette. */
export function readAnnotation(path: string): { width: number; height: number; objects: Uint8Array } {
  using frame = decodePicture(path, AV_CODEC_ID_PNG);
  if (frame.format !== AV_PIX_FMT_PAL8) throw new Error(`${path} has no palette`);
  const { width, height } = frame;
  return { width, height, objects: copyRows(frame, width) };
}
