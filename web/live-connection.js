const firstPauseMs = 500;
const longestPauseMs = 10_000;
const tokenKey = 'trackcast-token';

/**
 * A WebSocket that comes back by itself:
 *
 * ```
 * connecting ──► connected ──► disconnected ──(pause)──► connecting
 *      └──(refused for lack of a token)──► unauthorised ──(token given)──► connecting
 * ```
 */
export class LiveConnection {
  #onState;
  #onText;
  #onBinary;
  #pauseMs = firstPauseMs;

  constructor({ onState, onText, onBinary }) {
    this.#onState = onState;
    this.#onText = onText;
    this.#onBinary = onBinary;
    takeTokenFromAddress();
  }

  connect() {
    this.#onState('connecting');
    const url = new URL('/v1/live', location.href);
    url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    url.search = new URLSearchParams({ masks: 'rle', pictures: 'jpeg' }).toString();
    const token = sessionStorage.getItem(tokenKey);
    if (token !== null) url.searchParams.set('token', token);
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    let wasOpen = false;
    socket.onopen = () => {
      wasOpen = true;
      this.#pauseMs = firstPauseMs;
      this.#onState('connected');
    };
    socket.onmessage = ({ data }) => (typeof data === 'string' ? this.#onText(data) : this.#onBinary(data));
    socket.onclose = ({ code }) => this.#closed(wasOpen, code);
  }

  /** Tries again at once with another token. */
  useToken(token) {
    sessionStorage.setItem(tokenKey, token);
    this.connect();
  }

  async #closed(wasOpen, code) {
    this.#onState('disconnected', code);
    // A browser does not tell why a handshake failed, so ask in a way that does.
    if (!wasOpen && (await isUnauthorised())) {
      this.#onState('unauthorised');
      return;
    }
    const pauseMs = this.#pauseMs * (0.75 + Math.random() / 2);
    this.#pauseMs = Math.min(longestPauseMs, this.#pauseMs * 2);
    setTimeout(() => this.connect(), pauseMs);
  }
}

/** A link may carry the token behind `#token=`, which is never sent to a server; it is not left in the address. */
function takeTokenFromAddress() {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token === null) return;
  sessionStorage.setItem(tokenKey, token);
  history.replaceState(null, '', location.pathname + location.search);
}

async function isUnauthorised() {
  const token = sessionStorage.getItem(tokenKey);
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  try {
    const { status } = await fetch('/v1/streams', { headers, cache: 'no-store' });
    return status === 401 || status === 403;
  } catch {
    return false;
  }
}
