import type { Worker } from 'node:worker_threads';
import { expect } from 'vitest';
import type { Chunk, ChunkHandler, ChunkSource, Settlement } from '../../src/ingest/chunk.ts';
import { createLogger } from '../../src/log.ts';
import { Pipeline, type PipelineOptions } from '../../src/pipeline/pipeline.ts';
import type { PipelineOutputs } from '../../src/pipeline/pipeline-outputs.ts';
import type { SessionEnd, StreamSession } from '../../src/pipeline/stream-session.ts';
import { PipelineMetrics } from '../../src/publish/metrics.ts';
import { type FrameLedger, framesInFlight } from '../../src/publish/stream-totals.ts';
import type { TrackFrame } from '../../src/tracker/track.ts';
import { eventually } from '../ingest/eventually.ts';

/** A source whose chunks a test hands over one by one, and which remembers what became of them. */
export class HandFedSource implements ChunkSource {
  readonly name: string;
  readonly settled: { streamId: string; sequence: number; settlement: Settlement }[] = [];
  #handler: ChunkHandler = () => undefined;

  constructor(name = 'hand') {
    this.name = name;
  }

  async start(handler: ChunkHandler): Promise<void> {
    this.#handler = handler;
  }

  async stop(): Promise<void> {}

  async close(): Promise<void> {}

  /** Resolves when the pipeline is ready for the stream's next chunk. */
  async give(
    streamId: string,
    sequence: number,
    data: Uint8Array,
    more: Partial<Pick<Chunk, 'timestampNs' | 'endOfStream' | 'redelivered'>> = {},
  ): Promise<void> {
    let isSettled = false;
    await this.#handler({
      streamId,
      sequence,
      data,
      timestampNs: timestampOf(sequence),
      endOfStream: false,
      ...more,
      settle: (settlement) => {
        if (isSettled) return;
        isSettled = true;
        this.settled.push({ streamId, sequence, settlement });
      },
    });
  }

  /** Gives access units as chunks numbered from `from` on. */
  async giveAll(
    streamId: string,
    units: readonly Uint8Array[],
    options: { from?: number; ends?: boolean; redelivered?: boolean } = {},
  ): Promise<void> {
    const { from = 0, ends = false, redelivered } = options;
    for (const [at, unit] of units.entries()) {
      const endOfStream = ends && at === units.length - 1;
      const mark = redelivered === undefined ? {} : { redelivered };
      await this.give(streamId, from + at, unit, { endOfStream, ...mark });
    }
  }

  /** Sequences that were settled like this, in order. */
  sequences(settlement: Settlement, streamId?: string): number[] {
    return this.settled
      .filter((one) => one.settlement === settlement && (streamId ?? one.streamId) === one.streamId)
      .map(({ sequence }) => sequence);
  }
}

export function timestampOf(sequence: number): bigint {
  return 1_763_683_200_000_000_000n + BigInt(sequence) * 40_000_000n;
}

export interface EndedLife {
  readonly streamId: string;
  readonly epoch: number;
  readonly end: SessionEnd;
  readonly frames: FrameLedger;
}

/** A pipeline with real threads and models that remembers what it put out. */
export class PipelineUnderTest implements PipelineOutputs {
  readonly source = new HandFedSource();
  readonly metrics = new PipelineMetrics({ processMetrics: false });
  readonly frames: { readonly trackFrame: TrackFrame; readonly epoch: number }[] = [];
  readonly started: { readonly streamId: string; readonly epoch: number }[] = [];
  readonly ended: EndedLife[] = [];
  readonly logLines: string[] = [];
  readonly pipeline: Pipeline;

  private constructor(options: Partial<PipelineOptions>) {
    this.pipeline = new Pipeline({
      tracking: {
        kind: 'mobile_sam',
        settings: {
          strategy: 'none',
          repromptIntervalFrames: 30,
          maxObjects: 10,
          maxSegmentationsPerSecond: 5,
        },
        models: { executionProviders: ['cpu'], intraOpThreads: 1 },
        waitsForSegmentation: false,
      },
      geometry: { kind: 'fit', longSide: 256, multipleOf: 16 },
      bufferFrames: 8,
      decodeWorkers: 1,
      maxStreams: 4,
      streamTimeoutSeconds: 60,
      maxUnackedSeconds: 60,
      prefetch: 600,
      preview: { maxFps: 10, longSide: 64 },
      metrics: this.metrics,
      log: createLogger({ level: 'info', stream: { write: (line) => this.logLines.push(line) } }),
      outputs: this,
      ...options,
    });
  }

  static async start(
    options: Partial<PipelineOptions> = {},
    terms: { readonly lossless?: boolean; readonly maxUnsettled?: number } = {},
  ): Promise<PipelineUnderTest> {
    const subject = new PipelineUnderTest(options);
    await subject.pipeline.attach(subject.source, { lossless: false, ...terms });
    return subject;
  }

  /** Gives access units as chunks, each when the one before has been tracked, so that none is skipped. */
  async trackAll(
    streamId: string,
    units: readonly Uint8Array[],
    options: { from?: number; ends?: boolean; redelivered?: boolean } = {},
  ): Promise<void> {
    const { from = 0, ends = false, redelivered } = options;
    const before = this.metrics.ledger(streamId)?.received ?? 0;
    for (const [at, unit] of units.entries()) {
      const endOfStream = ends && at === units.length - 1;
      await this.source.give(streamId, from + at, unit, {
        endOfStream,
        ...(redelivered === undefined ? {} : { redelivered }),
      });
      // The last access unit may wait for the next one's first bytes.
      if (!endOfStream)
        await eventually(() => expect(this.#settledFrames(streamId)).toBeGreaterThanOrEqual(before + at));
    }
  }

  #settledFrames(streamId: string): number {
    const ledger = this.metrics.ledger(streamId);
    return ledger === undefined || framesInFlight(ledger) > 0 ? 0 : ledger.received;
  }

  onTrackFrame(trackFrame: TrackFrame, session: StreamSession): void {
    this.frames.push({ trackFrame, epoch: session.memory.epoch });
  }

  onStreamStarted({ streamId, memory }: StreamSession): void {
    this.started.push({ streamId, epoch: memory.epoch });
  }

  onStreamEnded({ streamId, memory, end }: StreamSession): void {
    const frames = this.metrics.ledger(streamId);
    if (frames !== undefined) this.ended.push({ streamId, epoch: memory.epoch, end, frames });
  }

  onPicture(): void {}

  /** Frames published of a stream, by index. */
  indices(streamId: string): number[] {
    return this.frames
      .filter(({ trackFrame }) => trackFrame.frame.streamId === streamId)
      .map(({ trackFrame }) => trackFrame.frame.index);
  }

  /** Names of the access units published, in order. */
  units(streamId: string): string[] {
    return this.frames
      .filter(({ trackFrame }) => trackFrame.frame.streamId === streamId)
      .map(({ trackFrame: { frame } }) => `${frame.chunkSequence}:${frame.unitInChunk}`);
  }

  /** Every frame of a life that is over has exactly one outcome. */
  expectAllAccountedFor(): void {
    for (const life of this.ended)
      expect({ ...life, inFlight: framesInFlight(life.frames) }).toMatchObject({ inFlight: 0 });
  }

  async stop(): Promise<void> {
    await this.pipeline.stop();
    this.metrics.close();
  }
}

/** Makes a worker of the program die as one with a defect would: by an exception that nobody catches. */
export function killWorker(worker: Worker | undefined): void {
  worker?.postMessage({ kind: 'open' });
}
