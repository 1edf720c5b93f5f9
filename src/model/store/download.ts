import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { TrackcastError } from '../../errors.ts';
import { asTransferFault, get, TransferFault } from './http-get.ts';
import { PartFile, type PartOrigin } from './part-file.ts';
import { publicUrl } from './public-url.ts';

/** How patient a download is. */
export interface DownloadPatience {
  /** Longest time without a sign of the server, milliseconds. */
  readonly silenceMs: number;
  /** Attempts in a row that bring nothing before it is given up. */
  readonly attempts: number;
  /** Wait before the second attempt, milliseconds; doubled for each further one up to `maxWaitMs`. */
  readonly firstWaitMs: number;
  readonly maxWaitMs: number;
}

export const defaultPatience: DownloadPatience = {
  silenceMs: 30_000,
  attempts: 5,
  firstWaitMs: 1000,
  maxWaitMs: 15_000,
};

export interface DownloadProgress {
  /** `checking`: what an earlier download left is being hashed. */
  readonly stage: 'checking' | 'fetching';
  readonly bytes: number;
  /** Null when the server did not tell. */
  readonly total: number | null;
}

export interface DownloadOptions {
  readonly patience: DownloadPatience;
  /** Largest file that is taken. */
  readonly maxBytes: number;
  /** Size that the file has to have; null when it is not known. */
  readonly expectedBytes: number | null;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Told why an attempt failed that is followed by another. */
  readonly onRetry?: ((reason: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Downloads a file to `partPath`, going on where an earlier download of the same URL ended if the server can tell
 * that the file is still the same. Whatever has arrived stays there when the download fails.
 *
 * Rejects with `TRACKCAST_DOWNLOAD_FAILED`, `TRACKCAST_OUTPUT_UNWRITABLE`, or the signal's reason.
 *
 * @returns SHA-256 of the whole file, which is on the disk by then
 */
export async function download(url: URL, partPath: string, options: DownloadOptions): Promise<string> {
  const { onProgress, signal } = options;
  const part = await PartFile.open(partPath, publicUrl(url), options.maxBytes, {
    signal,
    onProgress: (bytes) => onProgress?.({ stage: 'checking', bytes, total: null }),
  });
  try {
    const total = part.origin?.total ?? null;
    if (options.expectedBytes !== null && total !== options.expectedBytes) await part.restart(null);
    await fetchRest(url, part, options);
    return await part.finish();
  } finally {
    await part.close();
  }
}

async function fetchRest(url: URL, part: PartFile, options: DownloadOptions): Promise<void> {
  const { patience, signal, onRetry } = options;
  let failures = 0;
  for (;;) {
    const before = part.bytes;
    try {
      return await attempt(url, part, options);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof TrackcastError) throw error;
      const fault = asTransferFault(error);
      failures = part.bytes > before ? 1 : failures + 1;
      if (!fault.isPassing || failures >= patience.attempts) throw failed(url, fault);
      onRetry?.(fault.message);
    }
    const wait = Math.min(patience.maxWaitMs, patience.firstWaitMs * 2 ** (failures - 1));
    await sleep(wait, undefined, signal === undefined ? {} : { signal }).catch(() =>
      signal?.throwIfAborted(),
    );
  }
}

async function attempt(url: URL, part: PartFile, options: DownloadOptions): Promise<void> {
  if (part.origin?.total === part.bytes) return;
  const { origin } = part;
  const resumes = origin !== null && part.bytes > 0;
  const { silenceMs } = options.patience;
  const headers = {
    'user-agent': 'trackcast',
    // Ranges of a compressed transfer would not be those of the file.
    'accept-encoding': 'identity',
    ...(resumes ? { range: `bytes=${part.bytes}-`, 'if-range': origin.validator } : {}),
  };
  const response = await get(url, { headers, silenceMs, signal: options.signal });
  try {
    const total = await begin(url, response, part, options);
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      if (part.bytes + chunk.length > (total ?? options.maxBytes)) throw tooLong(total, options);
      await part.append(chunk);
      options.onProgress?.({ stage: 'fetching', bytes: part.bytes, total });
    }
    if (total !== null && part.bytes < total) {
      throw new TransferFault(`the connection ended after ${part.bytes} of ${total} bytes`, true);
    }
  } finally {
    response.destroy();
  }
}

/** Makes the part ready for an answer's body. @returns bytes of the whole file, if known */
async function begin(
  url: URL,
  response: IncomingMessage,
  part: PartFile,
  options: DownloadOptions,
): Promise<number | null> {
  const { statusCode = 0, headers } = response;
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw new TransferFault(`the server sends ${encoding}, not the file`, false);
  if (statusCode === 206) {
    const [, start, whole] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '') ?? [];
    const total = part.origin?.total ?? (whole === '*' ? null : Number(whole));
    if (Number(start) === part.bytes && (whole === '*' || Number(whole) === total)) return total;
    await part.restart(null);
    throw new TransferFault('the server sends another part than it was asked for', true);
  }
  if (statusCode === 416) {
    await part.restart(null);
    throw new TransferFault('the server has no more of the file than is here already', true);
  }
  if (statusCode !== 200) {
    const isPassing = statusCode >= 500 || [408, 425, 429].includes(statusCode);
    throw new TransferFault(
      `the server answers ${statusCode} ${response.statusMessage ?? ''}`.trim(),
      isPassing,
    );
  }
  const length = headers['content-length'];
  const total = length === undefined ? options.expectedBytes : Number(length);
  checkTotal(total, options);
  await part.restart(originOf(url, headers, total));
  return total;
}

function checkTotal(total: number | null, { expectedBytes, maxBytes }: DownloadOptions): void {
  if (expectedBytes !== null && total !== expectedBytes) {
    throw new TransferFault(`the server sends ${total} bytes, where the file has ${expectedBytes}`, false);
  }
  if (total !== null && total > maxBytes) {
    throw new TransferFault(`the file has ${total} bytes, more than the ${maxBytes} that are taken`, false);
  }
}

function tooLong(total: number | null, { maxBytes }: DownloadOptions): TransferFault {
  return new TransferFault(`the server sends more than ${total ?? maxBytes} bytes`, false);
}

/** Null when the server gives no name to the content by which it could be asked for again (RFC 9110, 13.1.5). */
function originOf(url: URL, headers: IncomingMessage['headers'], total: number | null): PartOrigin | null {
  const { etag, 'last-modified': modified } = headers;
  const validator = etag !== undefined && !etag.startsWith('W/') ? etag : modified;
  return validator === undefined ? null : { url: publicUrl(url), validator, total };
}

function failed(url: URL, fault: TransferFault): TrackcastError {
  return new TrackcastError(
    'TRACKCAST_DOWNLOAD_FAILED',
    `${publicUrl(url)} could not be fetched: ${fault.message}`,
    { key: publicUrl(url) },
    { cause: fault },
  );
}
