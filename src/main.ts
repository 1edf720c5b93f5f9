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
import { Pipeline, type PipelineOutputs } from './pipeline/pipeline.ts';
import { StreamOutputs } from './pipeline/stream-outputs.ts';
import { AmqpPublisher, defaultAmqpPublisherOptions } from './publish/amqp-publisher.ts';
import { PipelineMetrics } from './publish/metrics.ts';
import type { Publisher } from './publish/publisher.ts';
import { WebSocketPublisher } from './publish/websocket-publisher.ts';
import { HttpServer } from './server/http-server.ts';
import { planTracking, type TrackingPlan } from './tracking-plan.ts';

const webRoot = fileURLToPath(new URL('../web/', import.meta.url));
const drainMs = 5000;

/** A service that runs. */
export interface Service {
  readonly address: { readonly host: string; readonly port: number };
  readonly pipeline: Pipeline;
  readonly metrics: PipelineMetrics;
  /** Takes one more source in, as `serve --input` does. */
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
 * Wires the service together and starts it. Rejects with `TRACKCAST_CONFIG_INVALID`, leaving nothing behind, when
 * it cannot listen as it is told to, and as `createPipeline` does; a broker that is away is waited for.
 */
export async function serve({ values: config }: LoadedConfig): Promise<Service> {
  const plan = await planTracking(config, false);
  const log = createLogger({ level: config.LOG_LEVEL });
  const metrics = new PipelineMetrics();
  const live = new WebSocketPublisher();
  const tracksOut = config.AMQP_URL === '' ? null : createAmqpPublisher(config, metrics, log);
  const publishers: Publisher[] = tracksOut === null ? [live] : [live, tracksOut];
  for (const publisher of publishers) metrics.watchPublisher(publisher);
  metrics.watchLiveClients(() => live.clients);
  const outputs = new StreamOutputs(publishers, live, metrics);
  const pipeline = openPipeline(plan, config, outputs, metrics, log);
  pipeline.watchPictureDemand((streamId) => live.demand(streamId).pictures);
  live.onDemandChange(() => pipeline.refreshDemand(live.wantsPolygons()));
  const cameras = new WebSocketSource({ onRefused: (reason) => pipeline.refused(`websocket_${reason}`) });
  const refused = (reason: string) => pipeline.refused(reason);
  const broker = config.AMQP_URL === '' ? null : createAmqpSource(config, metrics, log, refused);

  let stopping: Promise<void> | undefined;
  const server = new HttpServer({
    host: config.HTTP_HOST,
    port: config.HTTP_PORT,
    tokens: config.HTTP_TOKENS,
    allowedOrigins: config.HTTP_ALLOWED_ORIGINS,
    streams: pipeline.control,
    webRoot,
    metrics: () => metrics.text(),
    readiness: {
      service: () => (stopping === undefined ? null : 'the service is stopping'),
      model: () => pipeline.modelState,
      ...(broker === null
        ? {}
        : { broker: () => (broker.state === 'connected' ? null : `the broker link is ${broker.state}`) }),
    },
    acceptLive: (socket, subscription) => live.accept(socket, subscription),
    acceptIngest: (socket, streamId) => cameras.handleConnection(socket, streamId),
    onError: (err) => log.error({ err }, 'a request failed unexpectedly'),
  });

  const stop = async (): Promise<void> => {
    log.info('stopping');
    await pipeline.stop();
    await Promise.all(publishers.map((publisher) => publisher.drain(drainMs)));
    await Promise.all(publishers.map((publisher) => publisher.close()));
    await server.close();
    metrics.close();
    log.info('stopped');
  };
  const service: Omit<Service, 'address'> = {
    pipeline,
    metrics,
    attach: (source) => pipeline.attach(source, { lossless: false }),
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
  try {
    const address = await server.listen();
    log.info({ host: address.host, port: address.port }, 'listening');
    await Promise.all([
      tracksOut?.start(),
      pipeline.attach(cameras, { lossless: false }),
      broker && pipeline.attach(broker, { lossless: false, maxUnsettled: config.INGEST_PREFETCH }),
    ]);
    return { address, ...service };
  } catch (error) {
    await service.stop();
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
