import type { Frame } from 'node-av/lib';
import type { FrameInfo } from '../buffer/frame.ts';
import type { FrameWrite } from '../buffer/frame-ring.ts';
import { monotonicMs } from '../clock.ts';
import type { AccessUnit } from './annex-b-access-unit.ts';
import { AccessUnitSplitter } from './annex-b-splitter.ts';
import { type ChunkPosition, continuityOf } from './decode-continuity.ts';
import type { DecoderChunk, FrameSink, H264DecoderOptions, PushOutcome } from './decoder-contract.ts';
import { H264Codec } from './h264-codec.ts';
import { type DecoderCounters, newDecoderTally } from './h264-counters.ts';
import { DamageRecord } from './h264-damage.ts';
import { PictureConverter } from './h264-picture-converter.ts';
import { H264StreamState } from './h264-stream-state.ts';

export type {
  DecoderChunk,
  DecoderEvent,
  FrameSink,
  H264DecoderOptions,
  PushOutcome,
} from './decoder-contract.ts';

/** An access unit inside the codec. */
interface PendingUnit {
  readonly unit: AccessUnit;
  readonly timestampNs: bigint;
  readonly groupStart: number;
}

/** Later access units after which one without reordering is given up: one, for the second field of a frame. */
const promptHorizon = 2;
/** The same with reordering: two fields for each of the 16 pictures that a decoder may hold (clause A.3.1). */
const reorderHorizon = 34;

/**
 * Decodes one stream's chunks into frames. Bad data never throws: it is counted, and decoding resumes at the
 * next IDR picture. Between a loss and that picture frames are delivered and marked `isDamaged`.
 *
 * A chunk whose sequence and timestamp are not beyond the newest is a redelivery and skipped, since it has been
 * decoded; one whose sequence falls back while its timestamp goes on comes from a publisher that began anew.
 * Calls must not overlap: await each. Runs on the calling thread.
 */
export class H264Decoder implements Disposable {
  readonly #streamId: string;
  readonly #sink: FrameSink;
  readonly #splitter: AccessUnitSplitter;
  readonly #state = new H264StreamState();
  readonly #damage = new DamageRecord();
  #codec: H264Codec;
  readonly #converter: PictureConverter;
  readonly #pending = new Map<number, PendingUnit>();
  readonly #tally = newDecoderTally();
  #frameIndex: number;
  #newestUnit = 0;
  #last: ChunkPosition | null = null;
  #lossBeforeNextUnit = false;
  #producing = false;
  #restartSequence: number | null = null;
  #size = { width: 0, height: 0 };

  /** Throws `TRACKCAST_DECODER_FAILED` when the codec cannot be opened. */
  constructor(options: H264DecoderOptions) {
    this.#streamId = options.streamId;
    this.#sink = options.sink;
    this.#frameIndex = options.firstFrameIndex ?? 0;
    this.#splitter = new AccessUnitSplitter({
      eager: options.eagerAccessUnits ?? 'auto',
      ...(options.maxAccessUnitBytes === undefined ? {} : { maxUnitBytes: options.maxAccessUnitBytes }),
    });
    this.#codec = new H264Codec(options.streamId);
    this.#converter = new PictureConverter({
      geometry: options.geometry,
      lumaLongSide: options.lumaLongSide ?? 512,
    });
  }

  counters(): DecoderCounters {
    return {
      ...this.#tally,
      dropped: { ...this.#tally.dropped },
      parserResets: this.#splitter.resets,
      pending: this.#pending.size,
    };
  }

  /** Decodes one chunk; resolves when all pictures that it completes are in the ring. Never rejects for bad data. */
  async push(chunk: DecoderChunk): Promise<PushOutcome> {
    const continuity = continuityOf(this.#last, chunk);
    if (continuity === 'again') {
      this.#tally.duplicateChunks += 1;
    } else {
      this.#last = { sequence: chunk.sequence, timestampNs: chunk.timestampNs };
      if (continuity !== 'next') {
        await this.#breakOff(continuity, chunk.sequence);
      }
      this.#tally.bytes += chunk.data.length;
      const { units, cutEarly } = this.#splitter.append(chunk);
      if (cutEarly) {
        this.#tally.cutEarly += 1;
        this.#damage.mark(this.#newestUnit);
      }
      for (const unit of units) {
        await this.#decode(unit);
      }
    }
    if (chunk.endOfStream) {
      await this.flush();
    }
    return { sequence: chunk.sequence, restartSequence: this.#restartSequence };
  }

  /** Decodes what is left and delivers every picture held back. The decoder can go on afterwards. */
  async flush(): Promise<void> {
    for (const unit of this.#splitter.breakOff()) {
      await this.#decode(unit);
    }
    await this.#drain();
    this.#codec.restart();
    this.#state.forgetReferences();
    this.#producing = false;
  }

  /** Frees native memory. Must not run while a call is pending. */
  [Symbol.dispose](): void {
    this.#converter[Symbol.dispose]();
    this.#codec[Symbol.dispose]();
  }

  async #breakOff(cause: 'lost' | 'restarted', sequence: number): Promise<void> {
    this.#tally.discontinuities += 1;
    if (cause === 'restarted') {
      await this.flush();
      this.#restartSequence = null;
    } else {
      for (const unit of this.#splitter.breakOff()) {
        await this.#decode(unit);
      }
      this.#lossBeforeNextUnit = true;
    }
    this.#sink.onEvent?.({ kind: 'discontinuity', sequence, cause });
  }

  async #decode(unit: AccessUnit): Promise<void> {
    const headers = this.#state.read(unit);
    if (!unit.hasPicture) {
      this.#codec.send(unit.data, 0);
      await this.#receive(null);
      return;
    }
    if (headers.startsSequence) {
      await this.#reopen();
    }
    this.#newestUnit += 1;
    const number = this.#newestUnit;
    this.#tally.accessUnits += 1;
    if (unit.isIdr) {
      this.#damage.startGroup(number);
    } else if (this.#lossBeforeNextUnit || headers.missesReference) {
      this.#damage.mark(number);
    }
    this.#lossBeforeNextUnit = false;
    const timestampNs = unit.chunkTimestampNs + BigInt(unit.unitInChunk) * headers.frameIntervalNs;
    this.#pending.set(number, { unit, timestampNs, groupStart: this.#damage.groupStart });
    if (!this.#codec.send(unit.data, number)) {
      this.#refuse(number);
    }
    await this.#receive(number);
    this.#giveUp(number - (this.#codec.reorderDepth === 0 ? promptHorizon : reorderHorizon));
  }

  /** Delivers every picture that the codec holds back; the codec then needs a restart. */
  async #drain(): Promise<void> {
    this.#codec.drain();
    await this.#receive(null);
    this.#giveUp(Number.POSITIVE_INFINITY);
  }

  /** A codec keeps colours and reordering of the sequence before where the next one does not name them. */
  async #reopen(): Promise<void> {
    await this.#drain();
    this.#codec[Symbol.dispose]();
    this.#codec = new H264Codec(this.#streamId);
    this.#codec.send(this.#state.parameterSets(), 0);
    await this.#receive(null);
  }

  /** Takes every picture that the codec has. `sent` is the unit to blame for an error. */
  async #receive(sent: number | null): Promise<void> {
    for (;;) {
      const received = this.#codec.receive();
      if (received.kind === 'none') {
        return;
      }
      if (received.kind === 'refused') {
        this.#refuse(sent);
        // The codec drops what it could not decode; asking again would report the same error for ever.
        return;
      }
      const pending = this.#pending.get(received.number);
      if (pending !== undefined) {
        this.#pending.delete(received.number);
        if (received.hasErrors) {
          this.#damage.mark(received.number);
        }
        await this.#deliver(received.number, pending, received.picture);
      }
    }
  }

  async #deliver(number: number, pending: PendingUnit, picture: Frame): Promise<void> {
    if (pending.unit.isIdr) {
      // Everything before an IDR picture is shown before it, or never.
      this.#giveUp(number - 1);
      this.#restartSequence = pending.unit.chunkSequence;
    }
    this.#producing = true;
    const begun = this.#sink.beginWrite();
    const write = begun instanceof Promise ? await begun : begun;
    if (write === null) {
      this.#tally.dropped.no_slot += 1;
      return;
    }
    const isDamaged = this.#damage.isDamaged(number, pending.groupStart);
    const info = this.#fill(write, picture, pending, isDamaged);
    if (info === null) {
      this.#tally.failed += 1;
      return;
    }
    this.#frameIndex += 1;
    this.#tally.frames += 1;
    this.#tally.damaged += isDamaged ? 1 : 0;
    this.#sink.onPicture?.(picture, info);
  }

  /** Writes the frame into its slot; null when the picture does not fit. */
  #fill(write: FrameWrite, picture: Frame, pending: PendingUnit, isDamaged: boolean): FrameInfo | null {
    const { unit, timestampNs } = pending;
    const { width, height } = picture;
    try {
      const converted = this.#converter.convert(picture, write);
      const info: FrameInfo = {
        streamId: this.#streamId,
        index: this.#frameIndex,
        timestampNs,
        isKeyframe: unit.isIdr,
        isDamaged,
        width,
        height,
        chunkSequence: unit.chunkSequence,
        unitInChunk: unit.unitInChunk,
        receivedAtMs: unit.receivedAtMs,
        decodedAtMs: monotonicMs(),
      };
      this.#tally.motionVectorsOmitted += converted.motionVectorsOmitted;
      this.#announceSize(width, height);
      write.commit({ ...info, ...converted });
      return info;
    } catch (error) {
      write.abandon();
      if (error instanceof RangeError) {
        return null;
      }
      throw error;
    }
  }

  #announceSize(width: number, height: number): void {
    if (width !== this.#size.width || height !== this.#size.height) {
      this.#size = { width, height };
      this.#sink.onEvent?.({ kind: 'picture_size', frameIndex: this.#frameIndex, width, height });
    }
  }

  #refuse(number: number | null): void {
    if (number !== null && this.#pending.delete(number)) {
      this.#damage.mark(number);
      this.#countLost();
    }
  }

  /** Gives up units up to `newest` that gave no picture. */
  #giveUp(newest: number): void {
    for (const number of this.#pending.keys()) {
      if (number > newest) {
        return;
      }
      this.#pending.delete(number);
      this.#countLost();
    }
  }

  #countLost(): void {
    if (this.#producing) {
      this.#tally.failed += 1;
    } else {
      this.#tally.dropped.awaiting_keyframe += 1;
    }
  }
}
