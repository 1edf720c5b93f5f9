import './no-telemetry.ts';
import { fileURLToPath } from 'node:url';
import { AmqpLink, defaultBackoff } from './broker/amqp-link.ts';
import type { LoadedConfig } from './config/load.ts';
import type { Config } from './config/schema.ts';
import { AmqpSource } from './ingest/amqp-source.ts';
import type { ChunkTopology } from './ingest/amqp-topology.ts';
import type { ChunkSource } from './ingest/chunk.ts';
import { WebSocketSource } from './ingest/websocket-source.ts';
import { createLogger, type Logger } from './log.ts';
import { LateStreamControl } from './pipeline/late-stream-control.ts';
import { Pipeline, type PipelineOutputs } from './pipeline/pipeline.ts';
import { StreamOutputs } from './pipeline/stream-outputs.ts';
import { AmqpPublisher, defaultAmqpPublisherOptions } from './publish/amqp-publisher.ts';
import { PipelineMetrics } from './publish/metrics.ts';
import type { Publisher } from './publish/publisher.ts';
import { WebSocketPublisher } from './publish/websocket-publisher.ts';
import { HttpServer } from './server/http-server.ts';
import type { StreamControl } from './server/stream-control.ts';
import { planTracking, type TrackingPlan } from './tracking-plan.ts';

const webRoot = fileURLToPath(new URL('../web/', import.meta.url));
const drainMs = 5000;

/** A service that listens. */
export interface Service {
  readonly address: { readonly host: string; readonly port: number };
  /** What people may ask of open streams. */
  readonly streams: StreamControl;
  readonly metrics: PipelineMetrics;
  /**
   * Resolves when the model's files are prepared and streams are taken: with true, or with false when the service was
   * stopped before. Rejects as `createPipeline` does, or as sources do that cannot start; the service has stopped then.
   */
  readonly prepared: Promise<boolean>;
  /** Takes one more source in once the service is prepared, as `serve --input` does. Rejects as `prepared` does. */
  attach(source: ChunkSource): Promise<void>;
  /** Stops taking, drains what is on its way, and lets every thread run out. */
  stop(): Promise<void>;
}

/** The exchanges and queues of a configuration through which chunks come in. */
export function chunkTopologyOf(config: Config): Partial<ChunkTopology> {
  return {
    exchange: config.AMQP_CHUNK_EXCHANGE,
    queue: config.AMQP_CHUNK_QUEUE,
    deadLetterExchange: config.AMQP_DEAD_LETTER_EXCHANGE,
    deadLetterQueue: config.AMQP_DEAD_LETTER_QUEUE,
  };
}

/**
 * The pipeline of a configuration, feeding `outputs`. Rejects with `TRACKCAST_MODEL_MISSING`,
 * `TRACKCAST_MODEL_MISMATCH` or `TRACKCAST_CHECKPOINT_INVALID` when its model cannot be had.
 */
export async function createPipeline(
  config: Config,
  outputs: PipelineOutputs,
  metrics: PipelineMetrics,
  log: Logger,
  waitsForSegmentation = false,
): Promise<Pipeline> {
  const plan = await planTracking(config, waitsForSegmentation);
  return openPipeline(plan, config, outputs, metrics, log);
}

function openPipeline(
  { tracking, geometry }: TrackingPlan,
  config: Config,
  outputs: PipelineOutputs,
  metrics: PipelineMetrics,
  log: Logger,
): Pipeline {
  return new Pipeline({
    tracking,
    geometry,
    bufferFrames: config.VIDEO_BUFFER_SIZE,
    decodeWorkers: config.DECODE_WORKERS,
    maxStreams: config.MAX_STREAMS,
    streamTimeoutSeconds: config.SAM2_STREAM_TIMEOUT,
    maxUnackedSeconds: config.INGEST_MAX_UNACKED_SECONDS,
    prefetch: config.INGEST_PREFETCH,
    preview: { maxFps: config.PREVIEW_FPS, longSide: config.PREVIEW_LONG_SIDE },
    metrics,
    log,
    outputs,
  });
}

/**
 * Wires the service together and starts it. It listens, and is not ready, while the files of its model are prepared: a
 * checkpoint is checked and may be copied. Rejects with `TRACKCAST_CONFIG_INVALID`, leaving nothing behind, when it
 * cannot listen as it is told to; a broker that is away is waited for.
 */
export async function serve({ values: config }: LoadedConfig): Promise<Service> {
  const log = createLogger({ level: config.LOG_LEVEL });
  const metrics = new PipelineMetrics();
  const live = new WebSocketPublisher();
  const tracksOut = config.AMQP_URL === '' ? null : createAmqpPublisher(config, metrics, log);
  const publishers: Publisher[] = tracksOut === null ? [live] : [live, tracksOut];
  for (const publisher of publishers) metrics.watchPublisher(publisher);
  metrics.watchLiveClients(() => live.clients);
  const outputs = new StreamOutputs(publishers, live, metrics);
  const streams = new LateStreamControl();
  let pipeline: Pipeline | undefined;
  const refused = (reason: string) => {
    if (pipeline === undefined) metrics.chunkRejected(reason);
    else pipeline.refused(reason);
  };
  const cameras = new WebSocketSource({ onRefused: (reason) => refused(`websocket_${reason}`) });
  const broker = config.AMQP_URL === '' ? null : createAmqpSource(config, metrics, log, refused);

  let stopping: Promise<void> | undefined;
  const server = new HttpServer({
    host: config.HTTP_HOST,
    port: config.HTTP_PORT,
    tokens: config.HTTP_TOKENS,
    allowedOrigins: config.HTTP_ALLOWED_ORIGINS,
    streams,
    webRoot,
    metrics: () => metrics.text(),
    readiness: {
      service: () => (stopping === undefined ? null : 'the service is stopping'),
      model: () => (pipeline === undefined ? 'the model is being prepared' : pipeline.modelState),
      ...(broker === null
        ? {}
        : { broker: () => (broker.state === 'connected' ? null : `the broker link is ${broker.state}`) }),
    },
    acceptLive: (socket, subscription) => live.accept(socket, subscription),
    acceptIngest: (socket, streamId) => cameras.handleConnection(socket, streamId),
    onError: (err) => log.error({ err }, 'a request failed unexpectedly'),
  });

  const stopOnce = async (): Promise<void> => {
    log.info('stopping');
    await pipeline?.stop();
    await Promise.all(publishers.map((publisher) => publisher.drain(drainMs)));
    await Promise.all(publishers.map((publisher) => publisher.close()));
    await server.close();
    metrics.close();
    log.info('stopped');
  };
  const stop = (): Promise<void> => {
    stopping ??= stopOnce();
    return stopping;
  };
  const prepare = async (): Promise<boolean> => {
    try {
      const plan = await planTracking(config, false);
      if (stopping !== undefined) return false;
      const opened = openPipeline(plan, config, outputs, metrics, log);
      pipeline = opened;
      streams.follow(opened.control);
      opened.watchPictureDemand((streamId) => live.demand(streamId).pictures);
      const refreshDemand = () => opened.refreshDemand(live.wantsPolygons());
      live.onDemandChange(refreshDemand);
      // Clients may have come before.
      refreshDemand();
      await Promise.all([
        tracksOut?.start(),
        opened.attach(cameras, { lossless: false }),
        broker && opened.attach(broker, { lossless: false, maxUnsettled: config.INGEST_PREFETCH }),
      ]);
      return true;
    } catch (error) {
      await stop();
      throw error;
    }
  };
  try {
    const address = await server.listen();
    log.info({ host: address.host, port: address.port }, 'listening');
    const prepared = prepare();
    const attach = async (source: ChunkSource): Promise<void> => {
      if (await prepared) await pipeline?.attach(source, { lossless: false });
    };
    return { address, streams, metrics, prepared, attach, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function createAmqpSource(
  config: Config,
  metrics: PipelineMetrics,
  log: Logger,
  refused: (reason: string) => void,
): AmqpSource {
  metrics.brokerConnected('chunks', false);
  return new AmqpSource({
    url: config.AMQP_URL,
    prefetch: config.INGEST_PREFETCH,
    topology: chunkTopologyOf(config),
    onState: (state, err) => {
      metrics.brokerConnected('chunks', state === 'connected');
      log.info({ link: 'chunks', state, ...(err === undefined ? {} : { err }) }, 'broker link');
    },
    onRejected: refused,
  });
}

function createAmqpPublisher(config: Config, metrics: PipelineMetrics, log: Logger): AmqpPublisher {
  metrics.brokerConnected('tracks', false);
  return new AmqpPublisher({
    ...defaultAmqpPublisherOptions,
    exchange: config.AMQP_TRACK_EXCHANGE,
    openLink: ({ setUp }) =>
      new AmqpLink({
        url: config.AMQP_URL,
        connectionName: 'trackcast tracks',
        heartbeatSeconds: 10,
        connectTimeoutMs: 10_000,
        backoff: defaultBackoff,
        setUp,
        onState: (state, err) => {
          metrics.brokerConnected('tracks', state === 'connected');
          log.info({ link: 'tracks', state, ...(err === undefined ? {} : { err }) }, 'broker link');
        },
      }),
  });
}
