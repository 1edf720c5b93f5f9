import { monotonicMs } from '../clock.ts';
import { FileDemuxer } from '../ingest/file-source-demuxer.ts';
import { type DecodedPicture, PictureDecoder } from '../ingest/picture-decoder.ts';
import { type RecordedFrame, type Recording, timestampOf } from './recording.ts';

/** Decoding so far is worth it to know a short recording's length. */
const countedFrames = 16;

/**
 * Opens a video file: MP4, Matroska or any other container that FFmpeg knows, with an H.264 track, or a raw byte
 * stream. Its first frames are decoded to find out whether it is a short one, of which the length is known.
 *
 * Throws `TRACKCAST_SOURCE_UNREADABLE`, `TRACKCAST_DECODER_FAILED`.
 */
export async function openVideo(path: string): Promise<Recording> {
  let frameCount = 0;
  for await (const _ of decodeVideo(path)) {
    frameCount++;
    if (frameCount === countedFrames) break;
  }
  return {
    kind: 'video',
    frameCount: frameCount < countedFrames ? frameCount : null,
    frames: () => decodeVideo(path),
  };
}

async function* decodeVideo(path: string): AsyncGenerator<RecordedFrame, void, undefined> {
  const demuxer = await FileDemuxer.open(path);
  try {
    using decoder = new PictureDecoder('recording', 'exact');
    let originNs: bigint | null = null;
    let index = 0;
    for (let sequence = 0; ; sequence++) {
      const unit = await demuxer.next();
      const timestampNs = unit?.presentationNs ?? unit?.decodingNs ?? timestampOf(sequence);
      const pictures = await decoder.decode({
        sequence,
        timestampNs,
        data: unit?.data ?? new Uint8Array(0),
        endOfStream: unit === undefined,
        receivedAtMs: monotonicMs(),
      });
      for (const picture of pictures) {
        originNs ??= picture.timestampNs;
        yield frameOf(picture, index++, originNs);
      }
      if (unit === undefined) return;
    }
  } finally {
    await demuxer.close();
  }
}

function frameOf({ data, timestampNs, ...picture }: DecodedPicture, index: number, originNs: bigint) {
  return { ...picture, index, pixels: data, timestampNs: timestampNs - originNs };
}
