import { AV_PIX_FMT_YUV420P } from 'node-av/constants';
import { Frame, Rational } from 'node-av/lib';
import { DemoScene } from '../../src/demo/demo-scene.ts';
import { createPicture, type Picture } from '../../src/demo/picture.ts';
import { JpegEncoder } from '../../src/ingest/jpeg-encoder.ts';
import { encodeRunLength } from '../../src/mask/run-length.ts';
import { packPicture } from '../../src/publish/picture-packet.ts';
import type { TrackMessage } from '../../src/publish/track-message.ts';

type Track = TrackMessage['tracks'][number];

/** Message and packed picture of one frame. */
export interface LiveFrame {
  readonly message: TrackMessage;
  readonly packet: Buffer;
}

function packetOf(encoder: JpegEncoder, streamId: string, frameIndex: number, picture: Picture): Buffer {
  const timestampNs = String(frameIndex * 40_000_000);
  const frame = Frame.fromVideoBuffer(Buffer.from(picture.data), {
    width: picture.width,
    height: picture.height,
    format: AV_PIX_FMT_YUV420P,
    timeBase: new Rational(1, 25),
  });
  try {
    const { width, height, bytes } = encoder.encode(frame, 640);
    return packPicture({ streamId, frameIndex, timestampNs, width, height }, bytes);
  } finally {
    frame.free();
  }
}

function messageOf(streamId: string, index: number, size: [number, number], tracks: Track[]): TrackMessage {
  return {
    specVersion: 1,
    streamId,
    epoch: 1,
    frame: {
      index,
      timestampNs: String(index * 40_000_000),
      width: size[0],
      height: size[1],
      keyframe: index === 0,
      damaged: false,
    },
    provenance: index % 8 === 0 ? 'segmented' : 'propagated',
    latencyMs: { decode: 3, queue: 2, track: 14, total: 18 + (index % 7) },
    tracks,
  };
}

function trackOf(id: number, map: Uint8Array, width: number, height: number, label: string | null): Track {
  const own = map.map((value) => (value === id ? 1 : 0));
  let [left, top, right, bottom, area] = [width, height, 0, 0, 0];
  for (let at = 0; at < own.length; at++) {
    if (own[at] === 0) continue;
    const [x, y] = [at % width, Math.floor(at / width)];
    left = Math.min(left, x);
    right = Math.max(right, x + 1);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y + 1);
    area++;
  }
  const seen = area > 0;
  return {
    id,
    label,
    state: seen ? 'active' : 'occluded',
    score: seen ? 0.97 - id / 60 : 0.4,
    box: seen ? [left / width, top / height, (right - left) / width, (bottom - top) / height] : null,
    area,
    mask: seen ? { size: [height, width], counts: encodeRunLength(own, width, height).counts } : null,
    firstFrame: 0,
    lastSeenFrame: 0,
  };
}

/** Frames of the demo scene with its true masks. */
export function demoFrames(streamId: string, first: number, count: number): LiveFrame[] {
  const [width, height] = [1280, 720];
  const scene = new DemoScene({ width, height });
  using encoder = new JpegEncoder();
  const picture = createPicture(width, height);
  return Array.from({ length: count }, (_, offset) => {
    const at = first + offset;
    const map = scene.masks(at);
    const tracks = scene.objects.map(({ id, name }) =>
      trackOf(id, map, width, height, id === 1 ? name : null),
    );
    const message = messageOf(streamId, offset, [width, height], tracks);
    return { message, packet: packetOf(encoder, streamId, offset, scene.render(at, picture)) };
  });
}

/** Left edge of the mask on a marked frame, pixels. */
export const markedColumn = (index: number) => 16 * (index % 16);

/**
 * Grey pictures, all different, with a mask, 16 pixels wide, over the only bright column of the same frame: on any
 * other frame's picture it would lie on grey.
 */
export function markedFrames(streamId: string, count: number): LiveFrame[] {
  const [width, height] = [256, 144];
  using encoder = new JpegEncoder();
  return Array.from({ length: count }, (_, index) => {
    const picture = createPicture(width, height);
    picture.y.fill(60);
    picture.u.fill(128);
    picture.v.fill(128);
    const map = new Uint8Array(width * height);
    for (let y = 0; y < height; y++) {
      picture.y.fill(230, y * width + markedColumn(index), y * width + markedColumn(index) + 16);
      map.fill(1, y * width + markedColumn(index), y * width + markedColumn(index) + 16);
    }
    const message = messageOf(streamId, index, [width, height], [trackOf(1, map, width, height, null)]);
    return { message, packet: packetOf(encoder, streamId, index, picture) };
  });
}
