import { z } from 'zod';
import { TrackcastError } from '../errors.ts';
import type { ObjectChange } from '../prompting/object-change.ts';
import type { Prompt, PromptShape } from '../prompting/prompt.ts';
import { runLengthMaskSchema, streamIdSchema } from '../publish/track-message.ts';

const coordinate = z.number().min(0).max(65_536);

/** No control characters, which could disturb terminals and logs. */
const labelSchema = z
  .string()
  .min(1)
  .max(100)
  .regex(/^\P{Cc}+$/u);

/** A whole number beyond what JSON numbers hold exactly must come as text. */
const timestampSchema = z
  .union([z.string().regex(/^-?\d{1,19}$/), z.int()], {
    error: 'a capture time is nanoseconds as a decimal string, or as a whole number below 2^53',
  })
  .transform(BigInt);

const objectIdSchema = z.int32().min(0);

/** Body of `POST /v1/streams/:id/prompts`: points, a box, both, or a mask, in source pixels. */
const promptBodySchema = z.strictObject({
  points: z
    .array(z.strictObject({ x: coordinate, y: coordinate, positive: z.boolean().default(true) }))
    .min(1)
    .max(64)
    .optional(),
  box: z
    .strictObject({
      x: coordinate,
      y: coordinate,
      width: coordinate.gt(0),
      height: coordinate.gt(0),
    })
    .optional(),
  mask: runLengthMaskSchema.optional(),
  objectId: objectIdSchema.optional(),
  label: labelSchema.optional(),
  timestampNs: timestampSchema.optional(),
});

/** Body of `PATCH /v1/streams/:id/objects/:objectId`. */
const changeBodySchema = z
  .strictObject({
    label: labelSchema.nullable().optional(),
    category: labelSchema.nullable().optional(),
    locked: z.boolean().optional(),
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), {
    error: 'a change has a label, a category or locked',
  });

/** @throws TrackcastError `TRACKCAST_REQUEST_INVALID` */
export function parsePrompt(body: unknown): Prompt {
  const { points, box, mask, objectId, label, timestampNs } = parse(promptBodySchema, body);
  return {
    shape: shapeOf(points, box, mask),
    author: 'person',
    ...(objectId === undefined ? {} : { objectId }),
    ...(label === undefined ? {} : { label }),
    ...(timestampNs === undefined ? {} : { timestampNs }),
  };
}

type PromptBody = z.infer<typeof promptBodySchema>;

function shapeOf(
  points: PromptBody['points'],
  box: PromptBody['box'],
  mask: PromptBody['mask'],
): PromptShape {
  if (mask !== undefined) {
    if (points !== undefined || box !== undefined) throw invalid('a mask stands alone', 'mask');
    return { kind: 'mask', mask };
  }
  if (points !== undefined) return { kind: 'points', points, ...(box === undefined ? {} : { box }) };
  if (box !== undefined) return { kind: 'box', box };
  throw invalid('a prompt has points, a box or a mask', 'points');
}

/** @throws TrackcastError `TRACKCAST_REQUEST_INVALID` */
export function parseChange(body: unknown): ObjectChange {
  const { label, category, locked } = parse(changeBodySchema, body);
  return {
    ...(label === undefined ? {} : { label }),
    ...(category === undefined ? {} : { category }),
    ...(locked === undefined ? {} : { locked }),
  };
}

/** @throws TrackcastError `TRACKCAST_REQUEST_INVALID` */
export function parseStreamId(value: unknown): string {
  return parse(streamIdSchema, value, 'streamId');
}

/** @throws TrackcastError `TRACKCAST_REQUEST_INVALID` */
export function parseObjectId(value: unknown): number {
  return parse(
    z
      .string()
      .regex(/^\d{1,15}$/)
      .transform(Number),
    value,
    'objectId',
  );
}

function parse<T extends z.ZodType>(schema: T, value: unknown, key?: string): z.infer<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw invalid(issue?.message ?? 'unknown', key ?? issue?.path.join('.') ?? '');
}

function invalid(what: string, key: string): TrackcastError {
  return new TrackcastError('TRACKCAST_REQUEST_INVALID', `The request cannot be understood: ${what}.`, {
    key,
  });
}
