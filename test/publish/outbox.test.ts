import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Outbox, type OutboxEntry } from '../../src/publish/outbox.ts';
import type { OutgoingMessage } from '../../src/publish/outgoing-message.ts';
import { exampleOutgoingEvent, exampleOutgoingFrame } from './example-messages.ts';

const roomy = { maxMessages: 100, maxBytes: 10_000 };
const body = Buffer.alloc(10);

function ids(entries: readonly (OutboxEntry | undefined)[]): (string | undefined)[] {
  return entries.map((entry) => entry?.message.messageId);
}

function rest(outbox: Outbox): OutboxEntry[] {
  const entries: OutboxEntry[] = [];
  for (let entry = outbox.next(); entry !== undefined; entry = outbox.next()) entries.push(entry);
  return entries;
}

describe('Outbox', () => {
  it('hands out frames and events in the order of publication', () => {
    const outbox = new Outbox(roomy);
    const messages = [
      exampleOutgoingFrame('a', 0),
      exampleOutgoingEvent('a', 1),
      exampleOutgoingFrame('a', 2),
      exampleOutgoingEvent('a', 3),
    ];
    for (const message of messages) outbox.add(message, body);
    expect(ids(rest(outbox))).toEqual(messages.map((message) => message.messageId));
  });

  it('makes room by dropping the oldest frame and keeps events', () => {
    const outbox = new Outbox({ maxMessages: 3, maxBytes: 10_000 });
    expect(outbox.add(exampleOutgoingEvent('a', 0), body)).toBe(0);
    expect(outbox.add(exampleOutgoingFrame('a', 1), body)).toBe(0);
    expect(outbox.add(exampleOutgoingFrame('a', 2), body)).toBe(0);
    expect(outbox.add(exampleOutgoingFrame('a', 3), body)).toBe(1);
    expect(ids(rest(outbox))).toEqual(['a:track.created:0:0:0', 'a:2:0', 'a:3:0']);
  });

  it('drops the oldest event only when no frame waits', () => {
    const outbox = new Outbox({ maxMessages: 2, maxBytes: 10_000 });
    for (let id = 0; id < 3; id++) outbox.add(exampleOutgoingEvent('a', id), body);
    expect(outbox.add(exampleOutgoingFrame('a', 9), body)).toBe(1);
    expect(ids(rest(outbox))).toEqual(['a:track.created:0:0:1', 'a:track.created:0:0:2']);
  });

  it('bounds bytes as well, even against one message that can never fit', () => {
    const outbox = new Outbox({ maxMessages: 10, maxBytes: 25 });
    outbox.add(exampleOutgoingFrame('a', 0), body);
    outbox.add(exampleOutgoingFrame('a', 1), body);
    expect(outbox.add(exampleOutgoingFrame('a', 2), body)).toBe(1);
    expect(outbox.bytes).toBe(20);
    expect(outbox.add(exampleOutgoingFrame('a', 3), Buffer.alloc(26))).toBe(3);
    expect(outbox.size).toBe(0);
  });

  it('puts back what was handed out before all younger messages', () => {
    const outbox = new Outbox(roomy);
    for (let index = 0; index < 4; index++) outbox.add(exampleOutgoingFrame('a', index), body);
    outbox.next();
    const second = outbox.next();
    if (second !== undefined) expect(outbox.settle(second)).toBe(true);
    outbox.next();
    outbox.putBack();
    expect(outbox.handedOut).toBe(0);
    expect(ids(rest(outbox))).toEqual(['a:0:0', 'a:2:0', 'a:3:0']);
  });

  it('accounts for every message, whatever happens', () => {
    const step = fc.oneof(
      fc.constant('frame' as const),
      fc.constant('event' as const),
      fc.constant('next' as const),
      fc.constant('settle' as const),
      fc.constant('put back' as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const limits = { maxMessages: 6, maxBytes: 45 };
        const outbox = new Outbox(limits);
        let added = 0;
        let dropped = 0;
        let settled = 0;
        let out: OutboxEntry[] = [];
        const add = (message: OutgoingMessage) => {
          added += 1;
          dropped += outbox.add(message, body);
        };
        for (const action of steps) {
          if (action === 'frame') add(exampleOutgoingFrame('a', added));
          else if (action === 'event') add(exampleOutgoingEvent('a', added));
          else if (action === 'next') {
            const entry = outbox.next();
            if (entry !== undefined) out.push(entry);
          } else if (action === 'settle') {
            const entry = out.shift();
            if (entry !== undefined && outbox.settle(entry)) settled += 1;
          } else {
            outbox.putBack();
            out = [];
          }
          expect(outbox.size).toBeLessThanOrEqual(limits.maxMessages);
          expect(outbox.bytes).toBe(outbox.size * body.length);
          expect(added).toBe(outbox.size + dropped + settled);
        }
        const left = rest(outbox).map((entry) => entry.ordinal);
        expect(left).toEqual([...left].sort((a, b) => a - b));
      }),
    );
  });
});
