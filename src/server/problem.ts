import { STATUS_CODES } from 'node:http';
import { type ErrorCode, TrackcastError } from '../errors.ts';

/** The body of an error response, `application/problem+json` (RFC 9457). */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** Listed in docs/errors.md; absent for faults that are not the client's to understand. */
  readonly code?: ErrorCode;
  readonly remedy?: string;
  /** The part of the request that is meant. */
  readonly key?: string;
}

const statuses: Partial<Record<ErrorCode, number>> = {
  TRACKCAST_REQUEST_INVALID: 400,
  TRACKCAST_PROMPT_INVALID: 400,
  TRACKCAST_MASK_INVALID: 400,
  TRACKCAST_CHUNK_INVALID: 400,
  TRACKCAST_UNAUTHORIZED: 401,
  TRACKCAST_FORBIDDEN: 403,
  TRACKCAST_STREAM_UNKNOWN: 404,
  TRACKCAST_OBJECT_UNKNOWN: 404,
  TRACKCAST_FRAME_UNREACHABLE: 409,
  TRACKCAST_RING_CLOSED: 409,
  TRACKCAST_STREAM_LIMIT: 409,
  TRACKCAST_BROKER_UNAVAILABLE: 503,
};

/** What a client is told of an error. Of unforeseen errors it learns nothing but that they happened. */
export function toProblem(error: unknown): Problem {
  if (error instanceof TrackcastError) {
    const status = statuses[error.code] ?? 500;
    const { key } = error.place;
    return {
      type: `urn:trackcast:error:${error.code}`,
      title: STATUS_CODES[status] ?? 'Error',
      status,
      detail: error.message,
      code: error.code,
      remedy: error.remedy,
      ...(key === undefined ? {} : { key }),
    };
  }
  const status = clientStatus(error);
  if (status !== undefined) {
    return toProblemOf(status, 'The server cannot read the request.', 'TRACKCAST_REQUEST_INVALID');
  }
  return toProblemOf(500, 'The server failed; its log tells more.');
}

/** A problem without an error of ours. */
export function toProblemOf(status: number, detail: string, code?: ErrorCode): Problem {
  const title = STATUS_CODES[status] ?? 'Error';
  return code === undefined
    ? { type: 'about:blank', title, status, detail }
    : { type: `urn:trackcast:error:${code}`, title, status, detail, code };
}

/** Fastify marks what the client did wrong (bad JSON, too large, wrong media type) with a 4xx status. */
function clientStatus(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  const { statusCode } = error;
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? statusCode : undefined;
}
