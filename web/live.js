import { LiveConnection } from './live-connection.js';
import { readPicture } from './picture-packet.js';
import { StreamTile } from './stream-tile.js';

const refreshMs = 250;
/** Tiles of streams that are over stay for so long. */
const farewellMs = 20_000;

const element = (id) => document.getElementById(id);
const tiles = new Map();
const farewells = new Map();
let connectionState = 'connecting';
let lost = 0;

const connectionTexts = {
  connecting: 'Connecting',
  connected: 'Connected',
  disconnected: 'Disconnected, trying again',
  unauthorised: 'Access token needed',
};

const connection = new LiveConnection({ onState: showConnection, onText: readText, onBinary: readBinary });
element('token-form').addEventListener('submit', (event) => {
  event.preventDefault();
  connection.useToken(element('token').value.trim());
  element('token').value = '';
});
connection.connect();
setInterval(refresh, refreshMs);

function showConnection(state) {
  connectionState = state;
  if (state === 'connected') for (const tile of tiles.values()) tile.restart();
  const shown = state === 'unauthorised' ? 'disconnected' : state;
  element('connection').dataset.state = shown;
  element('connection-text').textContent = connectionTexts[state];
  element('token-form').hidden = state !== 'unauthorised';
  refresh();
  if (state === 'unauthorised') element('token').focus();
}

function readText(text) {
  const message = JSON.parse(text);
  const { type, streamId } = message;
  if (type === undefined) {
    tileOf(streamId).addMessage(message, performance.now());
  } else if (type === 'lost') {
    lost += message.count;
    tiles.get(streamId)?.addLost(message.count, message.what);
  } else if (type === 'stream.started') {
    tileOf(streamId);
  } else if (type === 'stream.ended') {
    sayFarewell(streamId, 'ended');
  } else if (type === 'stream.failed') {
    sayFarewell(streamId, 'failed', `${message.error.code}: ${message.error.message}`);
  }
}

function readBinary(buffer) {
  const picture = readPicture(buffer);
  if (picture !== null) tileOf(picture.streamId).addPicture(picture, performance.now());
}

function tileOf(streamId) {
  let tile = tiles.get(streamId);
  farewells.delete(streamId);
  if (tile === undefined) {
    tile = new StreamTile(streamId, element('tile-template'));
    tiles.set(streamId, tile);
    const later = [...tiles.keys()].sort().find((id) => id > streamId);
    element('tiles').insertBefore(tile.element, tiles.get(later)?.element ?? null);
    refresh();
  }
  return tile;
}

function sayFarewell(streamId, state, reason) {
  tiles.get(streamId)?.end(state, reason);
  farewells.set(streamId, performance.now());
}

function refresh() {
  const nowMs = performance.now();
  for (const [streamId, sinceMs] of farewells) {
    if (nowMs - sinceMs < farewellMs) continue;
    tiles.get(streamId)?.element.remove();
    tiles.delete(streamId);
    farewells.delete(streamId);
  }
  let objects = 0;
  for (const tile of tiles.values()) {
    tile.refresh(nowMs, connectionState === 'connected');
    objects += tile.objectCount;
  }
  element('tiles').dataset.count = `${tiles.size}`;
  element('total-streams').textContent = `${tiles.size}`;
  element('total-objects').textContent = `${objects}`;
  element('total-lost').textContent = `${lost}`;
  showNotice();
}

function showNotice() {
  const [title, text] = noticeFor(connectionState);
  element('notice').hidden = tiles.size > 0 && connectionState !== 'unauthorised';
  if (element('notice-title').textContent !== title) element('notice-title').textContent = title;
  if (element('notice-text').textContent !== text) element('notice-text').textContent = text;
}

function noticeFor(state) {
  if (state === 'connected')
    return ['No streams yet', 'The picture appears here as soon as a camera sends video.'];
  if (state === 'unauthorised') {
    return [
      'An access token is needed',
      'Enter a token with the role viewer. It is kept until this tab is closed.',
    ];
  }
  if (state === 'connecting') return ['Connecting', 'Waiting for the service to answer.'];
  return ['The service does not answer', 'This page keeps trying and goes on by itself.'];
}
