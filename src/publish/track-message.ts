import { z } from 'zod';

/** Grows only when a consumer that follows the rules could misread a message. */
export const specVersion = 1;

export const streamIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,128}$/)
  .describe('Names the stream; the routing key of its chunks.');

const epoch = z
  .int()
  .min(0)
  .describe(
    'Grows by one each time another process takes the stream over. Ignore messages of an older epoch.',
  );

const timestampNs = z
  .string()
  .regex(/^-?[0-9]{1,20}$/)
  .describe('Capture clock in nanoseconds, decimal: larger than a JSON number can hold exactly.');

const milliseconds = z.number().min(0);

const unit = z.number().min(0).max(1);

export const runLengthMaskSchema = z
  .object({
    size: z
      .tuple([z.int().min(0), z.int().min(0)])
      .describe('Height and width of the source picture, pixels.'),
    counts: z
      .string()
      .describe("COCO's compressed run lengths, column-major; pycocotools reads it unchanged."),
  })
  .describe('Binary mask at source size.');

const frameSchema = z
  .object({
    index: z
      .int()
      .min(0)
      .describe('Counts the decoded frames of the stream from 0; skipped frames leave gaps.'),
    timestampNs,
    width: z.int().min(1).describe('Of the source picture, pixels.'),
    height: z.int().min(1).describe('Of the source picture, pixels.'),
    keyframe: z.boolean().describe('True for IDR pictures, where a decoder can start.'),
    damaged: z.boolean().describe('True when the decoder concealed errors or missed a reference picture.'),
  })
  .describe('The frame that the tracks are on.');

const trackSchema = z
  .object({
    id: z.int().min(0).describe('Unique within the stream for its life, never reused.'),
    label: z.string().nullable().describe('Given by a person or a detector.'),
    state: z
      .enum(['active', 'occluded', 'lost'])
      .describe(
        'active: seen now; occluded: expected back soon; lost: not seen for long, found by appearance only.',
      ),
    score: unit.describe('Confidence that the mask is right.'),
    box: z
      .tuple([unit, unit, unit, unit])
      .nullable()
      .describe('Left, top, width, height of the mask as shares of the picture; null while not seen.'),
    area: z.int().min(0).describe('Of the mask, source pixels.'),
    mask: runLengthMaskSchema
      .nullable()
      .describe('Null while not seen, and where masks were not asked for as run lengths.'),
    polygons: z
      .array(z.array(z.number()).min(6).describe('Corners x0, y0, x1, y1, ... in source pixels.'))
      .optional()
      .describe(
        'Outer and inner contours for an even-odd fill, where asked for. Absent on the first frames after somebody asked.',
      ),
    author: z.enum(['person', 'strategy']).optional().describe('Who asked for this object.'),
    category: z
      .string()
      .optional()
      .describe('What sort of thing a person says it is; absent where nobody does.'),
    locked: z
      .boolean()
      .optional()
      .describe('True where only a person may remove the object or take it for another; absent otherwise.'),
    firstFrame: z.int().min(0).describe('Index of the frame on which the object was found.'),
    lastSeenFrame: z.int().min(0).describe('Index of the newest frame on which the object was seen.'),
  })
  .describe('One object on one frame.');

export const trackMessageSchema = z
  .object({
    specVersion: z.literal(specVersion),
    streamId: streamIdSchema,
    epoch,
    frame: frameSchema,
    provenance: z
      .enum(['segmented', 'propagated'])
      .describe('segmented: a model looked at this frame; propagated: masks were carried here by motion.'),
    latencyMs: z
      .object({
        decode: milliseconds.describe('From the arrival of the last chunk to the decoded frame.'),
        queue: milliseconds.describe('Waiting for the tracker.'),
        track: milliseconds.describe('In the tracker.'),
        total: milliseconds.describe('From arrival to the end of tracking.'),
      })
      .describe("Where the frame's time went, milliseconds."),
    tracks: z.array(trackSchema).describe('All objects of the stream, seen or not.'),
  })
  .describe('All tracks of one frame. Ignore members that you do not know.');

export type TrackMessage = z.infer<typeof trackMessageSchema>;

const eventBase = {
  specVersion: z.literal(specVersion),
  streamId: streamIdSchema,
  epoch,
  frameIndex: z.int().min(0).nullable().describe('Newest frame when it happened; null before the first.'),
  timestampNs: timestampNs.nullable().describe('Capture clock of that frame, nanoseconds, decimal.'),
};

const frameCounts = z
  .object({
    received: z.int().min(0),
    tracked: z.int().min(0),
    dropped: z.int().min(0),
    failed: z.int().min(0),
  })
  .describe('Frames of the stream in this epoch: received = tracked + dropped + failed.');

const trackEventKinds = ['created', 'occluded', 'recovered', 'lost', 'removed'] as const;

const promptingReasons = ['first_frame', 'interval', 'scene_cut', 'motion', 'track_lost'] as const;

const trackEventType = z.templateLiteral(['track.', z.enum(trackEventKinds)]);

export const streamEventSchema = z
  .union([
    z.object({ type: z.literal('stream.started'), ...eventBase }).describe('The first chunk has arrived.'),
    z
      .object({ type: z.literal('stream.ended'), ...eventBase, frames: frameCounts })
      .describe('The publisher said so, or nothing came for SAM2_STREAM_TIMEOUT.'),
    z
      .object({
        type: z.literal('stream.failed'),
        ...eventBase,
        frames: frameCounts,
        error: z.object({
          code: z
            .string()
            .regex(/^TRACKCAST_[A-Z_]+$/)
            .describe('Listed in docs/errors.md.'),
          message: z.string(),
        }),
      })
      .describe('The stream cannot go on in this process.'),
    z
      .object({
        type: z.literal('stream.prompted'),
        ...eventBase,
        reason: z
          .enum(promptingReasons)
          .describe(
            'first_frame, interval and scene_cut: in its turn; motion: something uncovered kept moving; track_lost: an object was hidden or lost.',
          ),
        points: z.int().min(0).describe("Places to try; a detector's boxes come on top."),
      })
      .describe('A round of automatic prompting began. Not sent where nothing was found worth trying.'),
    z
      .object({
        type: trackEventType,
        ...eventBase,
        trackId: z.int().min(0),
        label: z.string().nullable(),
      })
      .describe('An object was found, hidden, found again, given up for now, or forgotten.'),
  ])
  .describe('Something happened to a stream or to one of its objects. Ignore types that you do not know.');

export type StreamEvent = z.infer<typeof streamEventSchema>;

export const lostNoticeSchema = z
  .object({
    type: z.literal('lost'),
    streamId: streamIdSchema,
    what: z.enum(['frames', 'events']),
    count: z.int().min(1).describe('Messages not sent since the last notice.'),
  })
  .describe('WebSocket only: this client was too slow, and older messages were dropped for it.');

export type LostNotice = z.infer<typeof lostNoticeSchema>;
