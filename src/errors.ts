/**
 * Every error code of the program with what its reader should do about it.
 * `docs/errors.md` lists the same codes; a test compares the two.
 */
export const errorCodes = {
  TRACKCAST_CONFIG_INVALID: 'Correct the named key in the file or the environment and start again.',
  TRACKCAST_CHUNK_INVALID: 'Correct the headers or the size of the chunk at its publisher.',
  TRACKCAST_CODEC_UNSUPPORTED: 'Publish H.264 in Annex B byte stream format.',
  TRACKCAST_DECODER_FAILED: 'The stream continues at its next IDR picture; check the camera if it repeats.',
  TRACKCAST_SOURCE_UNREADABLE:
    'Check that the file exists and holds what is expected of it, such as an H.264 video track.',
  TRACKCAST_OUTPUT_UNWRITABLE: 'Check that the folder exists, may be written to and has room.',
  TRACKCAST_BROKER_UNAVAILABLE: 'Check AMQP_URL and the broker; the program keeps trying.',
  TRACKCAST_BROKER_TOPOLOGY: 'Delete the named queue or exchange, or configure another name for it.',
  TRACKCAST_REQUEST_INVALID: 'Correct the named part of the request.',
  TRACKCAST_UNAUTHORIZED: 'Send a bearer token that is configured.',
  TRACKCAST_FORBIDDEN: 'Use a token with the role, or a page of the origin, that is named.',
  TRACKCAST_STREAM_UNKNOWN: 'Use the id of a stream that is open now.',
  TRACKCAST_STREAM_LIMIT: 'Close a stream or raise the limit that is named.',
  TRACKCAST_OBJECT_UNKNOWN: 'Use the id of an object that the stream tracks now.',
  TRACKCAST_PROMPT_INVALID: 'Correct the prompt: coordinates are source pixels inside the picture.',
  TRACKCAST_FRAME_UNREACHABLE:
    'Prompt a newer frame, or leave the timestamp out: the stream cannot bring that frame to the present.',
  TRACKCAST_MASK_INVALID: 'Send a COCO run-length mask whose runs add up to its size.',
  TRACKCAST_MODEL_INVALID:
    'Point at a model file of the expected kind; one of the store: fetch or import it again with --replace; one given by its path: delete its folder in the store; one of the package: reinstall that.',
  TRACKCAST_PROVIDER_UNAVAILABLE:
    'Install what the provider needs, as docs/gpu.md says, or add cpu to EXECUTION_PROVIDERS.',
  TRACKCAST_CHECKPOINT_INVALID: 'Use an intact .pt or .safetensors file of a supported model.',
  TRACKCAST_MODEL_MISSING: 'Pull or import the model; `trackcast models list` shows what is there.',
  TRACKCAST_MODEL_MISMATCH:
    'Find out why the file differs; --replace or another --name goes on where it may.',
  TRACKCAST_DOWNLOAD_FAILED: 'Check the network and MODEL_MIRROR, or fetch the file elsewhere and import it.',
  TRACKCAST_LOCK_LOST: 'Run the command again: it goes on where it ended, or waits for the other process.',
  TRACKCAST_INFERENCE_FAILED: 'Check memory and the execution provider if it repeats; the stream goes on.',
  TRACKCAST_WORKER_DIED: 'Restart the program when /readyz names the model, or if it repeats.',
  TRACKCAST_RING_CLOSED: 'The stream has ended; open it again.',
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** Where an error happened, as far as it is known. Never holds pixels, bodies or free-text headers. */
export interface ErrorPlace {
  readonly streamId?: string;
  readonly chunkSequence?: number;
  readonly frameIndex?: number;
  readonly key?: string;
}

/** The one error class of the program: a stable code, a sentence, the place, and what to do. */
export class TrackcastError extends Error {
  readonly code: ErrorCode;
  readonly place: ErrorPlace;

  constructor(code: ErrorCode, message: string, place: ErrorPlace = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TrackcastError';
    this.code = code;
    this.place = place;
  }

  /** What the reader should do about this error. */
  get remedy(): string {
    return errorCodes[this.code];
  }
}
