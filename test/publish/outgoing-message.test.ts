import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRunLength } from '../../src/mask/run-length.ts';
import { outgoingEvent, outgoingFrame, outgoingTrackEvents } from '../../src/publish/outgoing-message.ts';
import { toTrackEvents, toTrackMessage } from '../../src/publish/to-track-message.ts';
import { streamEventSchema, trackMessageSchema } from '../../src/publish/track-message.ts';
import { exampleEvent, exampleFrame, exampleTrack } from './example-messages.ts';

const life = { streamId: 'camera-1', epoch: 4 };

describe('toTrackMessage', () => {
  it('normalises boxes and rounds numbers', () => {
    expect(toTrackMessage(exampleFrame('camera-1', 812), life)).toEqual({
      specVersion: 1,
      streamId: 'camera-1',
      epoch: 4,
      frame: {
        index: 812,
        timestampNs: '1763683200123457601',
        width: 100,
        height: 50,
        keyframe: false,
        damaged: false,
      },
      provenance: 'segmented',
      latencyMs: { decode: 3.1, queue: 2, track: 17.2, total: 22.3 },
      tracks: [
        {
          id: 7,
          label: null,
          state: 'active',
          score: 0.9346,
          box: [0.1, 0.4, 0.04, 0.06],
          area: 12,
          mask: exampleTrack().mask,
          author: 'strategy',
          firstFrame: 3,
          lastSeenFrame: 812,
        },
      ],
    });
  });

  it('keeps objects that are not seen, without box and mask', () => {
    const tracks = [exampleTrack({ state: 'lost', box: null, mask: null, area: 0 })];
    const [track] = toTrackMessage(exampleFrame('camera-1', 1, { tracks }), life).tracks;
    expect(track).toMatchObject({ state: 'lost', box: null, mask: null, area: 0 });
  });

  it('makes messages that fit their schema, whatever the tracker measured', () => {
    const side = fc.tuple(fc.nat(99), fc.integer({ min: 1, max: 100 }));
    fc.assert(
      fc.property(
        side,
        side,
        fc.double(),
        fc.double({ min: -10, max: 1e9, noNaN: true }),
        ([x, width], [y, height], score, queue) => {
          const box = { x, y: y / 2, width: Math.min(width, 100 - x), height: Math.min(height, 100 - y) / 2 };
          const latencyMs = { decode: 0, queue, track: 1, total: 1 };
          const tracks = [exampleTrack({ box, score: Number.isNaN(score) ? 0 : score })];
          const message = toTrackMessage(exampleFrame('camera-1', 1, { tracks, latencyMs }), life);
          expect(trackMessageSchema.parse(message)).toEqual(message);
          const [left = 0, top = 0, w = 0, h = 0] = message.tracks[0]?.box ?? [];
          expect(left + w).toBeLessThanOrEqual(1 + Number.EPSILON);
          expect(top + h).toBeLessThanOrEqual(1 + Number.EPSILON);
          expect(Math.abs(left * 100 - box.x)).toBeLessThan(0.002);
          expect(Math.abs((left + w) * 100 - box.x - box.width)).toBeLessThan(0.002);
        },
      ),
    );
  });
});

describe('toTrackEvents', () => {
  it('tell of a round of prompting after the events of tracks', () => {
    const reprompt = { reason: 'motion', points: 3 } as const;
    const made = toTrackEvents(
      exampleFrame('camera-1', 5, { events: [{ kind: 'created', trackId: 7 }], reprompt }),
      life,
    );
    expect(made.map(({ type }) => type)).toEqual(['track.created', 'stream.prompted']);
    expect(streamEventSchema.parse(made[1])).toMatchObject({ reason: 'motion', points: 3, frameIndex: 5 });
    const [, message] = made;
    if (message === undefined) throw new Error('no event was made');
    expect(outgoingEvent(message, '5:0').messageId).toBe('camera-1:stream.prompted:5:0');
  });

  it('names the object and its label, or none when it is gone', () => {
    const tracks = [exampleTrack({ label: 'grasper' })];
    const events = [
      { kind: 'recovered' as const, trackId: 7 },
      { kind: 'removed' as const, trackId: 8 },
    ];
    const made = toTrackEvents(exampleFrame('camera-1', 5, { tracks, events }), life);
    for (const event of made) expect(streamEventSchema.parse(event)).toEqual(event);
    expect(made).toMatchObject([
      { type: 'track.recovered', trackId: 7, label: 'grasper', frameIndex: 5, epoch: 4 },
      { type: 'track.removed', trackId: 8, label: null, frameIndex: 5, epoch: 4 },
    ]);
  });
});

describe('outgoingFrame', () => {
  const polygons = [[10, 20, 14, 20, 14, 23, 10, 23]];
  const frame = exampleFrame('camera-1', 812, { tracks: [exampleTrack({ polygons })] });

  it('has the same id when the same access unit is decoded again, in another epoch and place', () => {
    const again = { ...frame, frame: { ...frame.frame, index: 3, receivedAtMs: 9 } };
    expect(outgoingFrame(again, { ...life, epoch: 5 }).messageId).toBe(outgoingFrame(frame, life).messageId);
    expect(outgoingFrame(frame, life).messageId).toBe('camera-1:812:0');
  });

  it('has one id per access unit of a chunk', () => {
    const second = { ...frame, frame: { ...frame.frame, unitInChunk: 1 } };
    expect(outgoingFrame(second, life).messageId).toBe('camera-1:812:1');
  });

  it.each([
    ['rle', true, false],
    ['polygon', false, true],
    ['none', false, false],
  ] as const)('writes masks as %s', (format, hasMask, hasPolygons) => {
    const message = outgoingFrame(frame, life);
    const body = message.json(format);
    expect(message.json(format)).toBe(body);
    const [track] = trackMessageSchema.parse(JSON.parse(body.toString())).tracks;
    expect(track?.mask !== null).toBe(hasMask);
    expect(track?.polygons !== undefined).toBe(hasPolygons);
  });

  it('carries masks that decode to the area of the track', () => {
    const [track] = trackMessageSchema.parse(
      JSON.parse(outgoingFrame(frame, life).json('rle').toString()),
    ).tracks;
    if (!track?.mask) throw new Error('the mask is missing');
    expect(decodeRunLength(track.mask).reduce((sum, value) => sum + value, 0)).toBe(track.area);
  });
});

describe('outgoingEvent', () => {
  it('has an id of its stream, type, cause and object', () => {
    const { messageId, attributes } = outgoingEvent(exampleEvent('camera-1', 7), '812:0');
    expect(messageId).toBe('camera-1:track.created:812:0:7');
    expect(attributes).toMatchObject({ id: messageId, type: 'trackcast.track.created', subject: 'track/7' });
  });
});

describe('outgoingTrackEvents', () => {
  it('names events by the access unit, so that a frame decoded again repeats their ids', () => {
    const events = [
      { kind: 'created' as const, trackId: 7 },
      { kind: 'lost' as const, trackId: 3 },
    ];
    const messages = outgoingTrackEvents(exampleFrame('camera-1', 812, { events }), life);
    expect(messages.map(({ messageId }) => messageId)).toEqual([
      'camera-1:track.created:812:0:7',
      'camera-1:track.lost:812:0:3',
    ]);
  });
});
