import { describe, expect, it } from 'vitest';
import {
  AmqpPublisher,
  type AmqpPublisherOptions,
  defaultAmqpPublisherOptions,
} from '../../src/publish/amqp-publisher.ts';
import type { OutgoingMessage } from '../../src/publish/outgoing-message.ts';
import { brokerIsUp, cuttableLink, listen, uniqueExchange } from './broker.ts';
import { exampleOutgoingEvent, exampleOutgoingFrame } from './example-messages.ts';
import { describePublisherConformance } from './publisher-conformance.ts';

const hasBroker = await brokerIsUp();

async function open(overrides: Partial<AmqpPublisherOptions> = {}, queueArguments?: Record<string, unknown>) {
  const exchange = uniqueExchange();
  const link = cuttableLink();
  const listener = await listen(exchange, queueArguments);
  const publisher = new AmqpPublisher({
    ...defaultAmqpPublisherOptions,
    openLink: link.openLink,
    exchange,
    ...overrides,
  });
  return {
    publisher,
    link,
    listener,
    exchange,
    dispose: async () => {
      await publisher.close();
      await listener.dispose();
    },
  };
}

describe.skipIf(!hasBroker)('AmqpPublisher with a broker', () => {
  describePublisherConformance('AmqpPublisher', async () => {
    const { publisher, listener, dispose } = await open();
    await listener.consume();
    await publisher.start();
    return { publisher, dispose, received: () => listener.messages.map(({ content }) => content.toString()) };
  });

  it('routes frames and events by stream and names them as CloudEvents', async () => {
    const { publisher, listener, dispose } = await open();
    try {
      await listener.consume();
      await publisher.start();
      const frame = exampleOutgoingFrame('camera-1', 12);
      publisher.publishFrame(frame);
      publisher.publishEvent(exampleOutgoingEvent('camera-1', 7));
      await expect.poll(() => listener.messages.length, { timeout: 10_000 }).toBe(2);
      const [first, second] = listener.messages;
      expect(first?.fields.routingKey).toBe('tracks.camera-1');
      expect(second?.fields.routingKey).toBe('events.camera-1');
      expect(first?.properties).toMatchObject({
        messageId: 'camera-1:12:0',
        contentType: 'application/json',
        type: 'trackcast.frame',
        deliveryMode: 1,
        headers: {
          'cloudEvents:id': 'camera-1:12:0',
          'cloudEvents:source': '/trackcast/streams/camera-1',
          'cloudEvents:type': 'trackcast.frame',
          'cloudEvents:specversion': '1.0',
          'cloudEvents:time': frame.attributes.time,
          'cloudEvents:subject': 'frame/12',
          'cloudEvents:datacontenttype': 'application/json',
        },
      });
      expect(second?.properties).toMatchObject({ type: 'trackcast.track.created', deliveryMode: 2 });
    } finally {
      await dispose();
    }
  });

  it('loses nothing when its connection is cut, and makes duplicates recognisable', async () => {
    const { publisher, listener, link, dispose } = await open({ maxUnconfirmed: 64 });
    try {
      await listener.consume();
      await publisher.start();
      const published: string[] = [];
      const publish = (message: OutgoingMessage) => {
        published.push(message.messageId);
        if (message.kind === 'frame') publisher.publishFrame(message);
        else publisher.publishEvent(message);
      };
      for (let outage = 1; outage <= 3; outage++) {
        for (let index = 0; index < 100; index++) {
          publish(exampleOutgoingFrame('camera-1', outage * 1000 + index, 2000));
          if (index % 25 === 0) publish(exampleOutgoingEvent('camera-1', outage * 1000 + index));
        }
        link.cut();
        await expect.poll(link.setUps, { timeout: 10_000 }).toBe(outage + 1);
      }
      await publisher.drain(15_000);
      const received = () => [...new Set(listener.messages.map(({ properties }) => properties.messageId))];
      await expect.poll(received, { timeout: 10_000 }).toEqual(published);
      const counters = publisher.counters();
      expect(counters.resent).toBeGreaterThan(0);
      expect(counters).toMatchObject({
        published: published.length,
        confirmed: published.length,
        queuedMessages: 0,
        dropped: { outbox_full: 0, refused: 0, closed: 0 },
      });
      expect(listener.messages.length).toBeLessThanOrEqual(published.length + counters.resent);
    } finally {
      await dispose();
    }
  });

  it('declares its exchange again when somebody deleted it', async () => {
    const { publisher, listener, link, exchange, dispose } = await open();
    try {
      await publisher.start();
      await listener.channel.deleteExchange(exchange);
      publisher.publishFrame(exampleOutgoingFrame('camera-1', 1));
      await publisher.drain(10_000);
      expect(link.setUps()).toBe(2);
      expect(publisher.counters()).toMatchObject({ confirmed: 1, resent: 1, queuedMessages: 0 });
    } finally {
      await dispose();
    }
  });

  it('asks again when the broker refuses, then gives the message up and says so', async () => {
    const refused: string[] = [];
    const { publisher, dispose } = await open(
      { onRefused: (message) => refused.push(message.messageId) },
      { 'x-max-length': 1, 'x-overflow': 'reject-publish' },
    );
    try {
      await publisher.start();
      publisher.publishFrame(exampleOutgoingFrame('camera-1', 0));
      await publisher.drain(10_000);
      publisher.publishFrame(exampleOutgoingFrame('camera-1', 1));
      await publisher.drain(10_000);
      expect(refused).toEqual(['camera-1:1:0']);
      expect(publisher.counters()).toMatchObject({
        published: 2,
        confirmed: 1,
        nacked: 3,
        resent: 2,
        dropped: { refused: 1 },
        queuedMessages: 0,
      });
    } finally {
      await dispose();
    }
  });

  it('stays within its outbox while confirmations are slower than frames', async () => {
    const { publisher, listener, dispose } = await open({
      outbox: { maxMessages: 50, maxBytes: 10_000_000 },
      maxUnconfirmed: 10,
    });
    try {
      await listener.consume();
      await publisher.start();
      for (let index = 0; index < 500; index++) {
        publisher.publishFrame(exampleOutgoingFrame('camera-1', index));
        expect(publisher.counters().queuedMessages).toBeLessThanOrEqual(50);
      }
      await publisher.drain(10_000);
      const { confirmed, dropped } = publisher.counters();
      expect(confirmed + dropped.outbox_full).toBe(500);
      expect(dropped.outbox_full).toBeGreaterThan(0);
      await expect.poll(() => listener.messages.at(-1)?.properties.messageId).toBe('camera-1:499:0');
    } finally {
      await dispose();
    }
  });
});

describe('AmqpPublisher without a broker', () => {
  const nowhere = 'amqp://127.0.0.1:1';

  it('keeps the newest frames and all events, and counts the rest', async () => {
    const publisher = new AmqpPublisher({
      ...defaultAmqpPublisherOptions,
      openLink: cuttableLink(nowhere).openLink,
      outbox: { maxMessages: 10, maxBytes: 1_000_000 },
    });
    await publisher.start();
    for (let index = 0; index < 5; index++) publisher.publishEvent(exampleOutgoingEvent('camera-1', index));
    for (let index = 0; index < 20; index++) publisher.publishFrame(exampleOutgoingFrame('camera-1', index));
    expect(publisher.counters()).toMatchObject({
      published: 0,
      queuedMessages: 10,
      dropped: { outbox_full: 15, closed: 0 },
    });
    await publisher.drain(20);
    await publisher.close();
    expect(publisher.counters()).toMatchObject({
      queuedMessages: 0,
      queuedBytes: 0,
      dropped: { outbox_full: 15, closed: 10 },
    });
  });
});
