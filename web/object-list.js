import { colourOf, cssColour } from './palette.js';

const order = { active: 0, occluded: 1, lost: 2 };

/** The table of a stream's objects. Rows are kept and moved, so that reading and selecting is not disturbed. */
export class ObjectList {
  #body;
  #empty;
  #rows = new Map();

  constructor(element) {
    this.#body = element.querySelector('tbody');
    this.#empty = element.querySelector('.no-objects');
  }

  /** @param {number | null} cameraRate frames per second, to tell ages in seconds */
  show(tracks, frameIndex, cameraRate) {
    const sorted = [...tracks].sort((a, b) => order[a.state] - order[b.state] || a.id - b.id);
    const present = new Set(sorted.map(({ id }) => id));
    for (const [id, row] of this.#rows) {
      if (present.has(id)) continue;
      row.remove();
      this.#rows.delete(id);
    }
    for (const [place, track] of sorted.entries()) {
      const row = this.#rowOf(track.id);
      row.dataset.state = track.state;
      const frames = frameIndex - track.firstFrame;
      const age = cameraRate === null ? `${frames} fr` : duration(frames / cameraRate);
      const name = track.label === null ? `${track.id}` : `${track.id} ${track.label}`;
      setText(row.cells[0].lastChild, name);
      row.cells[0].title = name;
      setText(row.cells[1].firstChild, track.state);
      setText(row.cells[2].firstChild, track.score.toFixed(2));
      setText(row.cells[3].firstChild, age);
      if (this.#body.children[place] !== row)
        this.#body.insertBefore(row, this.#body.children[place] ?? null);
    }
    this.#empty.hidden = sorted.length > 0;
  }

  #rowOf(id) {
    let row = this.#rows.get(id);
    if (row === undefined) {
      row = document.createElement('tr');
      for (let column = 0; column < 4; column++) row.insertCell();
      const swatch = document.createElement('span');
      swatch.className = 'swatch';
      swatch.style.setProperty('--swatch', cssColour(colourOf(id)));
      row.cells[0].append(swatch);
      for (const cell of row.cells) cell.append('');
      this.#rows.set(id, row);
    }
    return row;
  }
}

function setText(node, text) {
  if (node.data !== text) node.data = text;
}

/** `12 s`, `3:07` or `1:02:03`. */
function duration(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const two = (value) => String(Math.floor(value)).padStart(2, '0');
  const minutes = Math.floor(seconds / 60) % 60;
  const hours = Math.floor(seconds / 3600);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
