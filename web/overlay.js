import { colourOf, cssColour, textColourOn } from './palette.js';
import { paintMask } from './run-length.js';

const fillAlpha = 92;
const contourAlpha = 240;
/** Thickness of contours, pixels of the canvas, times two. */
const contourReach = 2;

/** Draws tracks over a picture. Buffers are reused from frame to frame. */
export class Overlay {
  #map = new Uint8Array(0);
  #image = null;
  #layer = document.createElement('canvas');

  /** @param {CanvasRenderingContext2D} context whose canvas shows the whole source picture */
  draw(context, tracks) {
    const { width, height } = context.canvas;
    this.#resize(width, height);
    this.#map.fill(0);
    const colours = [[0, 0, 0]];
    for (const track of tracks) {
      if (track.mask === null || colours.length > 255) continue;
      try {
        paintMask(track.mask, this.#map, width, height, colours.length);
        colours.push(colourOf(track.id));
      } catch (error) {
        console.warn('a mask cannot be drawn', error);
      }
    }
    this.#colour(width, height, colours);
    const layer = this.#layer.getContext('2d');
    layer.putImageData(this.#image, 0, 0);
    context.drawImage(this.#layer, 0, 0);
    for (const track of tracks) if (track.box !== null) drawLabel(context, track);
  }

  #resize(width, height) {
    if (this.#layer.width === width && this.#layer.height === height && this.#image !== null) return;
    this.#layer.width = width;
    this.#layer.height = height;
    this.#map = new Uint8Array(width * height);
    this.#image = new ImageData(width, height);
  }

  #colour(width, height, colours) {
    const map = this.#map;
    const pixels = new Uint32Array(this.#image.data.buffer);
    // Little-endian, as every machine with a browser is: alpha, blue, green, red from the top.
    const packed = (alpha) => colours.map(([r, g, b]) => ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0);
    const fills = packed(fillAlpha);
    const contours = packed(contourAlpha);
    for (let y = 0; y < height; y++) {
      const up = y >= contourReach ? -contourReach * width : 0;
      const down = y + contourReach < height ? contourReach * width : 0;
      for (let x = 0; x < width; x++) {
        const at = y * width + x;
        const id = map[at];
        if (id === 0) {
          pixels[at] = 0;
          continue;
        }
        const left = x >= contourReach ? -contourReach : 0;
        const right = x + contourReach < width ? contourReach : 0;
        const inside =
          map[at + left] === id && map[at + right] === id && map[at + up] === id && map[at + down] === id;
        pixels[at] = inside ? fills[id] : contours[id];
      }
    }
  }
}

function drawLabel(context, track) {
  const { canvas } = context;
  const unit = canvas.width / Math.max(240, canvas.clientWidth || canvas.width);
  const size = 12.5 * unit;
  const text = track.label === null ? `${track.id}` : `${track.id} ${track.label}`;
  const shown = track.state === 'active' ? text : `${text} · ${track.state}`;
  const colour = colourOf(track.id);
  context.font = `600 ${size}px system-ui, sans-serif`;
  const width = context.measureText(shown).width + size;
  const height = size * 1.5;
  const [left, top] = track.box;
  const x = Math.max(0, Math.min(canvas.width - width, left * canvas.width));
  const y = Math.max(0, Math.min(canvas.height - height, top * canvas.height - height - 3 * unit));
  context.fillStyle = cssColour(colour, 0.95);
  context.beginPath();
  context.roundRect(x, y, width, height, height / 3);
  context.fill();
  context.fillStyle = textColourOn(colour);
  context.textBaseline = 'middle';
  context.fillText(shown, x + size / 2, y + height / 2 + unit / 2);
}
