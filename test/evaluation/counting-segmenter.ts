import type { SegmentationRequest, SegmentationResult, Segmenter } from '../../src/tracker/segmentation.ts';

type Result = Pick<SegmentationResult, 'timing' | 'detection'>;

/** A model that sees nothing, and counts what it is asked. */
export class CountingSegmenter implements Segmenter {
  readonly requests: SegmentationRequest[] = [];
  readonly closed: string[] = [];
  disposals = 0;
  /** What it says besides. */
  answer: (request: SegmentationRequest) => Result = () => ({
    timing: { encode: 5, match: 0, decode: 3, candidates: 2, total: 8 },
  });

  async segment(request: SegmentationRequest): Promise<SegmentationResult> {
    this.requests.push(request);
    const { streamId, frameIndex } = request;
    const grid = { width: 4, height: 4, spanX: 4, spanY: 4 };
    return { streamId, frameIndex, grid, objects: [], candidates: [], ...this.answer(request) };
  }

  closeStream(streamId: string): void {
    this.closed.push(streamId);
  }

  async dispose(): Promise<void> {
    this.disposals++;
  }
}
