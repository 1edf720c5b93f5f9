import { afterEach, describe, expect, it } from 'vitest';
import type { Chunk, ChunkSource } from '../../src/ingest/chunk.ts';
import { encodeClip } from './clip-fixture.ts';
import { eventually } from './eventually.ts';

/** A source with its input at hand. */
export interface SourceUnderTest {
  readonly source: ChunkSource;
  readonly streamId: string;
  /** Sends the input to a source that has been started; nothing to do where it is there already. */
  feed(): Promise<void>;
  /** Sends what the source must refuse without harm to others; absent where there is no such thing. */
  feedBadInput?(): Promise<void>;
  dispose(): Promise<void>;
}

/** What makes a `ChunkSource` one. `create` gets the parts of one H.264 byte stream, which it is to deliver. */
export function describeChunkSource(
  name: string,
  create: (parts: readonly Uint8Array[]) => Promise<SourceUnderTest>,
  isSkipped = false,
): void {
  describe.skipIf(isSkipped)(`${name} as a chunk source`, () => {
    const parts = encodeClip({ frames: 12, gop: 5 });
    const bytes = Buffer.concat(parts);
    let subject: SourceUnderTest | undefined;

    async function open(): Promise<SourceUnderTest> {
      subject = await create(parts);
      return subject;
    }

    afterEach(async () => {
      await subject?.source.close();
      await subject?.dispose();
      subject = undefined;
    });

    it('delivers every byte, in order, numbered without gaps, and the end exactly once', async () => {
      const { source, feed, streamId } = await open();
      const chunks: Chunk[] = [];
      await source.start((chunk) => {
        chunks.push(chunk);
        chunk.settle('ack');
      });
      await feed();
      await eventually(() => expect(chunks.at(-1)?.endOfStream).toBe(true));

      expect(Buffer.concat(chunks.map((chunk) => chunk.data)).equals(bytes)).toBe(true);
      expect(chunks.map((chunk) => chunk.sequence)).toEqual(chunks.map((_, index) => index));
      expect(chunks.filter((chunk) => chunk.endOfStream)).toHaveLength(1);
      expect(new Set(chunks.map((chunk) => chunk.streamId))).toEqual(new Set([streamId]));
      expect(chunks.every((chunk) => chunk.timestampNs > 0n)).toBe(true);
    });

    it('waits for the handler before it delivers the next chunk', async () => {
      const { source, feed } = await open();
      let atWork = 0;
      let mostAtWork = 0;
      const chunks: Chunk[] = [];
      let open1: () => void = () => {};
      const gate = new Promise<void>((resolve) => {
        open1 = resolve;
      });
      await source.start(async (chunk) => {
        chunks.push(chunk);
        atWork += 1;
        mostAtWork = Math.max(mostAtWork, atWork);
        await gate;
        await new Promise(setImmediate);
        atWork -= 1;
        chunk.settle('ack');
      });
      const fed = feed();
      await eventually(() => expect(chunks).toHaveLength(1));
      await turns();
      expect(chunks).toHaveLength(1);
      open1();
      await fed;
      await eventually(() => expect(chunks.at(-1)?.endOfStream).toBe(true));
      expect(mostAtWork).toBe(1);
      expect(Buffer.concat(chunks.map((chunk) => chunk.data)).equals(bytes)).toBe(true);
    });

    it('is silent once stopped, and lets chunks in hand be settled', async () => {
      const { source, feed } = await open();
      const chunks: Chunk[] = [];
      let release: () => void = () => {};
      const gate = new Promise<void>((resolve) => {
        release = resolve;
      });
      await source.start(async (chunk) => {
        chunks.push(chunk);
        if (chunks.length === 3) {
          await gate;
        }
      });
      const fed = feed().catch(() => {});
      await eventually(() => expect(chunks).toHaveLength(3));
      await source.stop();
      release();
      await turns();
      expect(chunks).toHaveLength(3);
      for (const chunk of chunks) {
        expect(() => chunk.settle('ack')).not.toThrow();
      }
      await source.close();
      await fed;
      await turns();
      expect(chunks).toHaveLength(3);
    });

    it('settles once, without its object, and without throwing, even after it was closed', async () => {
      const { source, feed } = await open();
      const chunks: Chunk[] = [];
      await source.start((chunk) => {
        chunks.push(chunk);
      });
      await feed();
      await eventually(() => expect(chunks.at(-1)?.endOfStream).toBe(true));
      const settles = chunks.map(({ settle }) => settle);
      for (const settle of settles.slice(0, 4)) {
        settle('ack');
        settle('requeue');
        settle('reject');
      }
      await source.close();
      for (const settle of settles) {
        expect(() => settle('requeue')).not.toThrow();
      }
    });

    it('can be stopped and closed at any time, and twice', async () => {
      const { source } = await open();
      await source.stop();
      await source.close();
      await source.close();
      await source.stop();
    });

    it('goes on undisturbed when others send what it must refuse', async (context) => {
      const { source, feed, feedBadInput, streamId } = await open();
      if (feedBadInput === undefined) {
        return context.skip('this source has one stream only');
      }
      const chunks: Chunk[] = [];
      await source.start((chunk) => {
        chunks.push(chunk);
        chunk.settle('ack');
      });
      await feedBadInput();
      await feed();
      await feedBadInput();
      await eventually(() => expect(chunks.at(-1)?.endOfStream).toBe(true));
      const own = chunks.filter((chunk) => chunk.streamId === streamId);
      expect(own).toHaveLength(chunks.length);
      expect(Buffer.concat(own.map((chunk) => chunk.data)).equals(bytes)).toBe(true);
    });
  });
}

/** Long enough for a source that does not hold back to show it. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
