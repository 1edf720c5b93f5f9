import { WebSocket } from 'ws';
import { TrackcastError } from '../../src/errors.ts';
import type { ObjectChange } from '../../src/prompting/object-change.ts';
import type { Prompt } from '../../src/prompting/prompt.ts';
import { HttpServer, type HttpServerOptions } from '../../src/server/http-server.ts';
import type { StreamControl, StreamStatus } from '../../src/server/stream-control.ts';

export const tokens = [
  { token: 'viewer-token-0123456789', role: 'viewer' },
  { token: 'operator-token-0123456789', role: 'operator' },
  { token: 'publisher-token-0123456789', role: 'publisher' },
] as const;

export function exampleStatus(id: string): StreamStatus {
  return {
    id,
    epoch: 1,
    state: 'live',
    size: { width: 1280, height: 720 },
    fps: 25,
    ledger: {
      received: 3,
      tracked: 2,
      failed: 0,
      dropped: {
        overwritten: 0,
        stale: 1,
        no_slot: 0,
        awaiting_keyframe: 0,
        already_published: 0,
        stream_closed: 0,
      },
    },
    tracks: { active: 2, occluded: 0, lost: 0 },
  };
}

/** One stream, `camera-1`, that tracks object 7. Remembers what was asked of it. */
class RememberingControl implements StreamControl {
  readonly calls: unknown[][] = [];

  list() {
    return [exampleStatus('camera-1')];
  }

  async prompt(streamId: string, prompt: Prompt) {
    this.#know(streamId, prompt.objectId);
    this.calls.push(['prompt', streamId, prompt]);
    return { objectId: prompt.objectId ?? 8 };
  }

  async remove(streamId: string, objectId: number) {
    this.#know(streamId, objectId);
    this.calls.push(['remove', streamId, objectId]);
  }

  async change(streamId: string, objectId: number, change: ObjectChange) {
    this.#know(streamId, objectId);
    this.calls.push(['change', streamId, objectId, change]);
  }

  async reset(streamId: string) {
    this.#know(streamId);
    this.calls.push(['reset', streamId]);
  }

  #know(streamId: string, objectId?: number): void {
    if (streamId === 'broken') throw new Error('secret detail');
    if (streamId !== 'camera-1')
      throw new TrackcastError('TRACKCAST_STREAM_UNKNOWN', 'No such stream.', { streamId });
    if (objectId !== undefined && objectId !== 7) {
      throw new TrackcastError('TRACKCAST_OBJECT_UNKNOWN', 'No such object.', { streamId });
    }
  }
}

export async function serve(overrides: Partial<HttpServerOptions> = {}) {
  const control = new RememberingControl();
  const errors: unknown[] = [];
  const server = new HttpServer({
    host: '127.0.0.1',
    port: 0,
    tokens: [],
    allowedOrigins: [],
    webRoot: null,
    streams: control,
    readiness: {},
    metrics: async () => '# HELP trackcast_streams Open streams.\n',
    acceptLive: (socket) => socket.close(1000),
    acceptIngest: (socket) => socket.close(1000),
    onError: (error) => errors.push(error),
    ...overrides,
  });
  const { port } = await server.listen();
  return { control, errors, port, url: `http://127.0.0.1:${port}`, close: () => server.close() };
}

/** Status of a refused upgrade, or 101. */
export async function upgradeStatus(url: string, headers: Record<string, string> = {}): Promise<number> {
  const socket = new WebSocket(url.replace('http', 'ws'), { headers });
  return new Promise((resolve, reject) => {
    socket.on('open', () => {
      resolve(101);
      socket.terminate();
    });
    socket.on('unexpected-response', (_request, response) => {
      resolve(response.statusCode ?? 0);
      response.resume();
    });
    socket.on('error', reject);
  });
}
