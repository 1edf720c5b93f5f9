import { readFileSync } from 'node:fs';
import asyncApiSpecs from '@asyncapi/specs';
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { schemaDocuments } from '../../scripts/schema-documents.ts';
import { outgoingEvent, outgoingFrame } from '../../src/publish/outgoing-message.ts';
import type { StreamEvent } from '../../src/publish/track-message.ts';
import { exampleEvent, exampleFrame, exampleTrack } from './example-messages.ts';

const documents = schemaDocuments();

function generated(name: string): string {
  return readFileSync(new URL(`../../docs/generated/${name}`, import.meta.url), 'utf8');
}

const frameBase = {
  specVersion: 1,
  streamId: 'camera-1',
  epoch: 0,
  frameIndex: null,
  timestampNs: null,
} as const;
const frames = { received: 10, tracked: 7, dropped: 2, failed: 1 };
const events: StreamEvent[] = [
  { type: 'stream.started', ...frameBase },
  { type: 'stream.ended', ...frameBase, frames },
  {
    type: 'stream.failed',
    ...frameBase,
    frames,
    error: { code: 'TRACKCAST_WORKER_DIED', message: 'The worker ended.' },
  },
  exampleEvent('camera-1', 7),
];

describe('docs/generated', () => {
  it.each([...documents.keys()])('%s is what the code says', (name) => {
    expect(generated(name)).toBe(documents.get(name));
  });
});

describe('track-frame.schema.json', () => {
  const validate = new Ajv2020({ strict: true }).compile(
    JSON.parse(documents.get('track-frame.schema.json') ?? ''),
  );

  it.each([
    ['with run lengths', 'rle', exampleTrack()],
    ['with polygons', 'polygon', exampleTrack({ polygons: [[0, 0, 4, 0, 4, 4]] })],
    ['without masks', 'none', exampleTrack()],
    ['of an object not seen', 'rle', exampleTrack({ state: 'occluded', box: null, mask: null, area: 0 })],
  ] as const)('accepts a message %s', (_name, masks, track) => {
    const frame = outgoingFrame(exampleFrame('camera-1', 1, { tracks: [track] }), {
      streamId: 'camera-1',
      epoch: 0,
    });
    validate(JSON.parse(frame.json(masks).toString()));
    expect(validate.errors).toBeNull();
  });

  it.each([
    ['another specVersion', { specVersion: 2 }],
    ['a numeric timestamp', { frame: { timestampNs: 17 } }],
    ['no tracks', { tracks: undefined }],
  ])('refuses %s', (_name, change) => {
    const frame = outgoingFrame(exampleFrame('camera-1', 1), { streamId: 'camera-1', epoch: 0 });
    expect(validate({ ...JSON.parse(frame.json('rle').toString()), ...change })).toBe(false);
  });

  it('leaves room for members of later versions', () => {
    const frame = outgoingFrame(exampleFrame('camera-1', 1), { streamId: 'camera-1', epoch: 0 });
    expect(validate({ ...JSON.parse(frame.json('rle').toString()), later: true })).toBe(true);
  });
});

describe('stream-event.schema.json', () => {
  const validate = new Ajv2020({ strict: true }).compile(
    JSON.parse(documents.get('stream-event.schema.json') ?? ''),
  );

  it.each(events.map((event) => [event.type, event] as const))('accepts %s', (_type, event) => {
    validate(JSON.parse(outgoingEvent(event, '0').json('rle').toString()));
    expect(validate.errors).toBeNull();
  });

  it('refuses events of unknown kinds', () => {
    expect(validate({ ...exampleEvent('camera-1', 1), type: 'track.exploded' })).toBe(false);
  });
});

describe('asyncapi.yaml', () => {
  const document: unknown = parse(documents.get('asyncapi.yaml') ?? '');

  it('is an AsyncAPI 3.0 document by the schema of its specification', () => {
    const schema = asyncApiSpecs.schemas['3.0.0'];
    // The schema brings its own copy of draft 7, which would clash with the validator's.
    const validate = new Ajv({
      strict: false,
      validateFormats: false,
      meta: false,
      validateSchema: false,
    }).compile(schema as object);
    validate(document);
    expect(validate.errors).toBeNull();
  });

  it('has no reference that leads nowhere', () => {
    const text = documents.get('asyncapi.yaml') ?? '';
    const references = [...text.matchAll(/\$ref: "#\/([^"]+)"/g)].map(([, path]) => path ?? '');
    expect(references.length).toBeGreaterThan(10);
    for (const path of references) {
      const target = path
        .split('/')
        .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], document);
      expect(target, path).toBeTypeOf('object');
    }
  });
});
