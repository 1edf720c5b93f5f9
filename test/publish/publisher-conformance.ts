import { afterEach, describe, expect, it } from 'vitest';
import type { Publisher } from '../../src/publish/publisher.ts';
import { exampleOutgoingEvent, exampleOutgoingFrame } from './example-messages.ts';

export interface PublisherUnderTest {
  readonly publisher: Publisher;
  /** Bodies that a consumer at the far end has, in order of arrival. */
  readonly received: () => readonly string[];
  readonly dispose: () => Promise<void>;
}

/** What every publisher promises. `open` gives one whose far end already listens to all streams. */
export function describePublisherConformance(name: string, open: () => Promise<PublisherUnderTest>): void {
  describe(`${name} as a publisher`, () => {
    let underTest: PublisherUnderTest | undefined;
    afterEach(async () => {
      await underTest?.dispose();
      underTest = undefined;
    });

    it('delivers frames and events in order, byte for byte', async () => {
      underTest = await open();
      const { publisher, received } = underTest;
      const bodies: string[] = [];
      for (let index = 0; index < 20; index++) {
        const frame = exampleOutgoingFrame('camera-1', index);
        publisher.publishFrame(frame);
        bodies.push(frame.json('rle').toString());
        if (index % 5 === 0) {
          const event = exampleOutgoingEvent('camera-1', index);
          publisher.publishEvent(event);
          bodies.push(event.json('rle').toString());
        }
      }
      await publisher.drain(10_000);
      await expect.poll(received, { timeout: 10_000 }).toEqual(bodies);
    });

    it('counts what it published and confirmed, and holds nothing once drained', async () => {
      underTest = await open();
      const { publisher } = underTest;
      for (let index = 0; index < 10; index++)
        publisher.publishFrame(exampleOutgoingFrame('camera-1', index));
      publisher.publishEvent(exampleOutgoingEvent('camera-1', 1));
      await publisher.drain(10_000);
      expect(publisher.counters()).toEqual({
        published: 11,
        confirmed: 11,
        nacked: 0,
        resent: 0,
        dropped: { outbox_full: 0, refused: 0, slow_client: 0, closed: 0 },
        queuedMessages: 0,
        queuedBytes: 0,
      });
    });

    it('drains at once when nothing waits', async () => {
      underTest = await open();
      await underTest.publisher.drain(60_000);
    });

    it('takes messages without throwing after it was closed, and closing twice is harmless', async () => {
      underTest = await open();
      const { publisher, received } = underTest;
      await publisher.close();
      publisher.publishFrame(exampleOutgoingFrame('camera-1', 0));
      publisher.publishEvent(exampleOutgoingEvent('camera-1', 0));
      await publisher.drain(60_000);
      await publisher.close();
      expect(received()).toEqual([]);
      expect(publisher.counters().published).toBe(0);
    });
  });
}
