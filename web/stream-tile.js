import { FramePairing } from './frame-pairing.js';
import { ObjectList } from './object-list.js';
import { Overlay } from './overlay.js';
import { StreamFigures } from './stream-figures.js';

/** Without a frame for so long, a stream counts as stalled. */
const stalledAfterMs = 2_000;
/** Without a picture for so long, masks are drawn on black. */
const blindAfterMs = 1_500;
/** Larger canvases would cost time without showing more. */
const maxCanvasSide = 1280;

const badges = { waiting: 'waiting', live: 'live', stalled: 'no frames', ended: 'ended', failed: 'failed' };

/** One stream on the page: its picture with tracks, its figures, its objects. */
export class StreamTile {
  element;
  #canvas;
  #context;
  #badge;
  #figureCells = {};
  #objects;
  #pairing = new FramePairing();
  #figures = new StreamFigures();
  #overlay = new Overlay();
  #latest = null;
  /** The newest message on the canvas. */
  #drawn = null;
  #next = null;
  #decoding = false;
  #epoch = null;
  #state = 'waiting';
  #lost = 0;
  #lastMessageMs = Number.NEGATIVE_INFINITY;
  #lastPictureMs = Number.NEGATIVE_INFINITY;
  #lastDrawnMs = Number.NEGATIVE_INFINITY;

  constructor(streamId, template) {
    this.element = template.content.cloneNode(true).querySelector('.tile');
    this.element.dataset.stream = streamId;
    this.element.setAttribute('aria-label', `Stream ${streamId}`);
    this.element.querySelector('.stream-id').textContent = streamId;
    this.element.querySelector('.stream-id').title = streamId;
    this.#canvas = this.element.querySelector('canvas');
    this.#context = this.#canvas.getContext('2d', { alpha: false });
    this.#badge = this.element.querySelector('.badge');
    for (const cell of this.element.querySelectorAll('[data-figure]')) {
      this.#figureCells[cell.dataset.figure] = cell;
    }
    const list = this.element.querySelector('.objects');
    // It scrolls, so the keyboard has to reach it.
    list.tabIndex = 0;
    list.setAttribute('aria-label', `Objects of stream ${streamId}`);
    this.#objects = new ObjectList(list);
    this.#setState('waiting');
  }

  get objectCount() {
    return this.#latest?.tracks.filter(({ state }) => state === 'active').length ?? 0;
  }

  addMessage(message, nowMs) {
    if (this.#epoch !== null && message.epoch < this.#epoch) return;
    if (this.#epoch !== null && message.epoch > this.#epoch) this.#pairing.reset();
    this.#epoch = message.epoch;
    this.#latest = message;
    this.#lastMessageMs = nowMs;
    this.#figures.add(message, nowMs);
    this.#setState('live');
    this.#show(this.#pairing.addMessage(message.frame.index, message), nowMs);
    if (nowMs - this.#lastDrawnMs > 40) this.#drawBlind(nowMs);
  }

  /** Draws the newest tracks alone: pictures may be switched off, or come less often than tracks. */
  #drawBlind(nowMs) {
    const isBlind = nowMs - this.#lastPictureMs > blindAfterMs;
    if (isBlind && !this.#decoding && this.#drawn !== this.#latest) this.#draw(null, this.#latest, nowMs);
  }

  /** The page has a new connection, perhaps to another process. */
  restart() {
    this.#epoch = null;
    this.#pairing.reset();
  }

  addPicture(picture, nowMs) {
    this.#lastPictureMs = nowMs;
    this.#show(this.#pairing.addPicture(picture.frameIndex, picture), nowMs);
  }

  addLost(count, what) {
    this.#lost += count;
    if (what === 'frames') this.#figures.excuse(count);
  }

  /** @param {'ended' | 'failed'} state */
  end(state, reason = '') {
    this.#setState(state);
    this.#badge.title = reason;
  }

  /** Called a few times a second: figures, list and age of the picture. */
  refresh(nowMs, isConnected) {
    // The last of several messages that came at once.
    this.#drawBlind(nowMs);
    const isSilent = nowMs - this.#lastMessageMs > stalledAfterMs;
    if (this.#state === 'live' && (isSilent || !isConnected)) this.#setState('stalled');
    if (this.#state === 'stalled' && this.#latest !== null) {
      const seconds = Math.max(1, Math.floor((nowMs - this.#lastMessageMs) / 1000));
      this.#badge.textContent = `no frames for ${seconds} s`;
    }
    const { rate, segmented, median, high, cameraRate } = this.#figures.summary(nowMs);
    this.#setFigure('rate', rate === null ? '–' : `${rate.toFixed(1)} fps`);
    this.#setFigure('segmented', segmented === null ? '–' : `${Math.round(segmented * 100)} %`);
    this.#setFigure('median', median === null ? '–' : `${median.toFixed(0)} ms`);
    this.#setFigure('high', high === null ? '–' : `${high.toFixed(0)} ms`);
    this.#setFigure('skipped', `${this.#figures.skipped}`);
    this.#setFigure('lost', `${this.#lost}`);
    if (this.#latest !== null) {
      this.#objects.show(this.#latest.tracks, this.#latest.frame.index, cameraRate);
      this.#canvas.setAttribute('aria-label', `${this.objectCount} objects seen`);
    }
  }

  #setState(state) {
    if (this.#state === state && this.#badge.textContent !== '') return;
    this.#state = state;
    this.element.dataset.state = state;
    this.#badge.textContent = badges[state];
    this.#badge.title = '';
  }

  #setFigure(name, text) {
    if (this.#figureCells[name].textContent !== text) this.#figureCells[name].textContent = text;
  }

  /** Decodes one picture at a time; of those that come meanwhile, only the newest is kept. */
  async #show(pair, nowMs) {
    if (pair === null) return;
    this.#next = { ...pair, nowMs };
    if (this.#decoding) return;
    this.#decoding = true;
    while (this.#next !== null) {
      const { picture, message, nowMs: at } = this.#next;
      this.#next = null;
      try {
        const bitmap = await createImageBitmap(new Blob([picture.jpeg], { type: 'image/jpeg' }));
        this.#draw(bitmap, message, at);
        bitmap.close();
      } catch (error) {
        console.warn('a picture cannot be shown', error);
      }
    }
    this.#decoding = false;
  }

  #draw(bitmap, message, nowMs) {
    const canvas = this.#canvas;
    const { width, height } = message.frame;
    const scale = Math.min(1, maxCanvasSide / Math.max(width, height));
    const [canvasWidth, canvasHeight] = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== canvasWidth || canvas.height !== canvasHeight) {
      canvas.width = canvasWidth;
      canvas.height = canvasHeight;
      canvas.style.aspectRatio = `${width} / ${height}`;
    }
    if (bitmap === null) {
      this.#context.fillStyle = '#05080a';
      this.#context.fillRect(0, 0, canvas.width, canvas.height);
    } else {
      this.#context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    }
    this.#overlay.draw(this.#context, message.tracks);
    this.#lastDrawnMs = nowMs;
    this.#drawn = message;
    canvas.dataset.frame = `${message.frame.index}`;
    canvas.dataset.picture = bitmap === null ? 'none' : 'shown';
  }
}
