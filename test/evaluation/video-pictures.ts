import { FileDemuxer } from '../../src/ingest/file-source-demuxer.ts';
import type { DecoderChunk } from '../../src/ingest/h264-decoder.ts';
import { type DecodedFrame, decodeChunks } from '../ingest/h264-clips.ts';

/** Every picture of a video file, as the service's decoder shows it. */
export async function videoPictures(path: string): Promise<readonly DecodedFrame[]> {
  const demuxer = await FileDemuxer.open(path);
  const chunks: DecoderChunk[] = [];
  try {
    for (let unit = await demuxer.next(); unit !== undefined; unit = await demuxer.next()) {
      const { data, presentationNs = 0n } = unit;
      const sequence = chunks.length;
      chunks.push({ sequence, timestampNs: presentationNs, data, endOfStream: false, receivedAtMs: 0 });
    }
  } finally {
    await demuxer.close();
  }
  return (await decodeChunks(chunks)).frames;
}
