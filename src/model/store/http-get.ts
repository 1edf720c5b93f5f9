import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { errorCode } from '../../system-error.ts';

/** Why a transfer failed, and whether it is worth trying again. */
export class TransferFault extends Error {
  readonly isPassing: boolean;

  constructor(message: string, isPassing: boolean, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TransferFault';
    this.isPassing = isPassing;
  }
}

export interface GetOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** Longest time without a sign of the other side, milliseconds. */
  readonly silenceMs: number;
  readonly signal?: AbortSignal | undefined;
}

const maxRedirects = 5;
const redirects: ReadonlySet<number | undefined> = new Set([301, 302, 303, 307, 308]);

/** Faults of a name or a certificate, which do not pass by themselves. */
const lastingCodes: ReadonlySet<string> = new Set([
  'ENOTFOUND',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/**
 * Sends a GET request, follows redirects, and resolves with the answer, its body unread: destroy it when done. A
 * redirect leads to `https` only, or from `http` to `http` on the same host.
 *
 * Rejects with a `TransferFault`, or with the signal's reason.
 */
export async function get(url: URL, options: GetOptions): Promise<IncomingMessage> {
  let current = url;
  for (let followed = 0; followed <= maxRedirects; followed++) {
    const response = await send(current, options);
    const { statusCode, headers } = response;
    if (!redirects.has(statusCode)) return response;
    response.destroy();
    current = redirectTarget(current, headers.location, url);
  }
  throw new TransferFault(`the server redirects more than ${maxRedirects} times`, false);
}

/** A sentence about an error of the network, without stack and address lists. */
export function asTransferFault(error: unknown): TransferFault {
  if (error instanceof TransferFault) return error;
  const code = errorCode(error);
  const message = error instanceof Error && error.message !== '' ? error.message : code;
  return new TransferFault(message, !lastingCodes.has(code), { cause: error });
}

function send(url: URL, { headers, silenceMs, signal }: GetOptions): Promise<IncomingMessage> {
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    let response: IncomingMessage | null = null;
    // A connection of its own: nothing is kept open after the transfer.
    const sent = request(url, { agent: false, headers, timeout: silenceMs, signal }, (answer) => {
      response = answer;
      resolve(answer);
    });
    sent.on('timeout', () => {
      const fault = new TransferFault(`the server was silent for ${silenceMs / 1000} seconds`, true);
      (response ?? sent).destroy(fault);
    });
    sent.on('error', (error) => {
      reject(signal?.aborted === true ? signal.reason : asTransferFault(error));
    });
    sent.end();
  });
}

function redirectTarget(from: URL, location: string | undefined, first: URL): URL {
  if (location === undefined || !URL.canParse(location, from.href)) {
    throw new TransferFault('the server redirects to nowhere', false);
  }
  const target = new URL(location, from);
  const staysLocal =
    target.protocol === 'http:' && first.protocol === 'http:' && target.hostname === first.hostname;
  if (target.protocol === 'https:' || staysLocal) return target;
  throw new TransferFault(
    `the server redirects to ${target.protocol}//${target.host}, away from https`,
    false,
  );
}
