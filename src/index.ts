/** What a program needs that embeds Trackcast or reads its messages. */
export { type LoadedConfig, type LoadOptions, loadConfig } from './config/load.ts';
export type { Config } from './config/schema.ts';
export { type ErrorCode, type ErrorPlace, errorCodes, TrackcastError } from './errors.ts';
export type { Chunk, ChunkHandler, ChunkSource, Settlement } from './ingest/chunk.ts';
export { FileSource, type FileSourceOptions } from './ingest/file-source.ts';
export { createLogger, type Logger } from './log.ts';
export { createPipeline, type Service, serve } from './main.ts';
export { decodeRunLength, type RunLengthMask, runLengthArea, runLengthBox } from './mask/run-length.ts';
export type { Pipeline, PipelineOutputs } from './pipeline/pipeline.ts';
export type { Prompt } from './prompting/prompt.ts';
export { PipelineMetrics } from './publish/metrics.ts';
export {
  type StreamEvent,
  streamEventSchema,
  type TrackMessage,
  trackMessageSchema,
} from './publish/track-message.ts';
export type { StreamControl, StreamStatus } from './server/stream-control.ts';
export type { Track, TrackFrame } from './tracker/track.ts';
