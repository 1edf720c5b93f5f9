import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { AccessRole } from '../config/access-token.ts';
import { TrackcastError } from '../errors.ts';
import { type AccessControl, bearerToken } from './auth.ts';
import { parseChange, parseObjectId, parsePrompt, parseStreamId } from './control-requests.ts';
import type { StreamControl } from './stream-control.ts';

interface StreamParameters {
  readonly Params: { readonly streamId: string };
}

interface ObjectParameters {
  readonly Params: { readonly streamId: string; readonly objectId: string };
}

/** Routes that show streams to viewers and let operators steer them. */
export function addControlRoutes(app: FastifyInstance, streams: StreamControl, access: AccessControl): void {
  const only = (role: AccessRole) => async (request: FastifyRequest) => {
    access.require(role, bearerToken(request.headers));
  };
  const viewer = { onRequest: only('viewer') };
  const operator = { onRequest: only('operator') };

  app.get('/v1/streams', viewer, async () => ({ streams: streams.list() }));

  app.get<StreamParameters>('/v1/streams/:streamId', viewer, async ({ params }) => {
    const streamId = parseStreamId(params.streamId);
    const status = streams.list().find(({ id }) => id === streamId);
    if (status === undefined) {
      throw new TrackcastError('TRACKCAST_STREAM_UNKNOWN', `No stream ${streamId} is open.`, { streamId });
    }
    return status;
  });

  app.post<StreamParameters>('/v1/streams/:streamId/prompts', operator, async ({ params, body }, reply) => {
    const { objectId } = await streams.prompt(parseStreamId(params.streamId), parsePrompt(body));
    return reply.code(201).send({ objectId });
  });

  app.patch<ObjectParameters>(
    '/v1/streams/:streamId/objects/:objectId',
    operator,
    async ({ params, body }, reply) => {
      await streams.change(parseStreamId(params.streamId), parseObjectId(params.objectId), parseChange(body));
      return reply.code(204).send();
    },
  );

  app.delete<ObjectParameters>(
    '/v1/streams/:streamId/objects/:objectId',
    operator,
    async ({ params }, reply) => {
      await streams.remove(parseStreamId(params.streamId), parseObjectId(params.objectId));
      return reply.code(204).send();
    },
  );

  app.post<StreamParameters>('/v1/streams/:streamId/reset', operator, async ({ params }, reply) => {
    await streams.reset(parseStreamId(params.streamId));
    return reply.code(204).send();
  });
}
