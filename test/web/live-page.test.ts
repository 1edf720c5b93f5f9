import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { demoFrames, type LiveFrame, markedColumn, markedFrames } from './live-scene.ts';
import { LiveServer } from './live-server.ts';

const browserPath = process.env['TRACKCAST_TEST_CHROMIUM'] ?? '/usr/bin/chromium';
const hasBrowser = existsSync(browserPath);
if (!hasBrowser) {
  console.warn(`SKIPPED: the live page is not tested in a browser, there is none at ${browserPath}.`);
}
/** Where screenshots go; none are taken without it. */
const screenshots = process.env['TRACKCAST_TEST_SCREENSHOTS'];

describe.skipIf(!hasBrowser)('the live page', () => {
  let browser: Browser;
  let page: Page;
  let server: LiveServer;
  let address: string;
  let complaints: string[];

  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: browserPath,
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
  }, 60_000);
  afterAll(() => browser?.close());

  beforeEach(async () => {
    server = new LiveServer();
    address = await server.listen();
    page = await browser.newPage({ viewport: { width: 1400, height: 860 } });
    complaints = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (entry) => {
      if (['error', 'warning'].includes(entry.type())) complaints.push(entry.text());
    });
  });
  afterEach(async () => {
    await page.close();
    await server.close();
  });

  async function photograph(name: string): Promise<void> {
    if (screenshots !== undefined) await page.screenshot({ path: `${screenshots}/${name}.png` });
  }

  const text = async (selector: string) => (await page.locator(selector).first().textContent()) ?? '';

  const shown = (selector: string, count: number) =>
    expect.poll(() => page.locator(selector).count(), { timeout: 10_000 }).toBe(count);

  const reads = (selector: string, expected: string) =>
    expect.poll(() => text(selector), { timeout: 10_000 }).toBe(expected);

  async function play(socket: WebSocket, frames: readonly LiveFrame[], pauseMs: number): Promise<void> {
    for (const { message, packet } of frames) {
      socket.send(JSON.stringify(message));
      socket.send(packet);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  it('shows pictures with masks, objects and figures, under a strict content policy', async () => {
    const frames = demoFrames('demo', 60, 30);
    let query = '';
    server.onConnection = (socket, search) => {
      query = search.toString();
      void play(socket, frames, 40);
    };
    await page.goto(address);
    await page.waitForSelector('canvas[data-frame="29"][data-picture="shown"]');
    await shown('tbody tr', 6);
    expect(query).toBe('masks=rle&pictures=jpeg');
    await page.getByText(/^[0-9.]+ fps$/).waitFor();
    expect(await text('.badge')).toBe('live');
    await reads('[data-figure="segmented"]', '13 %');
    await reads('[data-figure="median"]', '21 ms');
    expect(await text('[data-figure="skipped"]')).toBe('0');
    await reads('tbody tr', '1 striped ballactive0.951 s');
    expect(await text('#connection-text')).toBe('Connected');
    await photograph('one-stream');
    expect(complaints).toEqual([]);
    expect(server.requested.every((path) => path === '/' || /^\/[a-z-]+\.(js|css|svg)$/.test(path))).toBe(
      true,
    );
  });

  it('draws the masks of a frame on the picture of that very frame', async () => {
    const frames = markedFrames('or-3', 40);
    server.onConnection = async (socket) => {
      // Pictures come out of step: late, missing, before their message.
      for (const { message } of frames.slice(0, 12)) socket.send(JSON.stringify(message));
      for (const { packet } of frames.slice(3, 9)) socket.send(packet);
      for (const { packet } of frames.slice(12, 30)) socket.send(packet);
      for (const { message } of frames.slice(12, 28)) socket.send(JSON.stringify(message));
    };
    await page.goto(address);
    await page.waitForSelector('canvas[data-frame="27"][data-picture="shown"]');
    const row = await page.evaluate<number[]>(
      "Array.from(document.querySelector('canvas').getContext('2d').getImageData(0, 100, 256, 1).data)",
    );
    const columns = Array.from({ length: 16 }, (_, column) => {
      const [red = 0, , blue = 0] = row.slice((column * 16 + 8) * 4);
      return { x: column * 16, isBright: red > 150, isColoured: Math.abs(red - blue) > 30 };
    });
    expect(columns.filter(({ isColoured }) => isColoured).map(({ x }) => x)).toEqual([markedColumn(27)]);
    expect(columns.filter(({ isBright }) => isBright).map(({ x }) => x)).toEqual([markedColumn(27)]);
  });

  it('shows several streams side by side, in the order of their names', async () => {
    const streams = ['or-2', 'or-1', 'or-3'].map((id, place) => demoFrames(id, 400 * place, 12));
    server.onConnection = (socket) => {
      for (const frames of streams) void play(socket, frames, 40);
    };
    await page.goto(address);
    await shown('canvas[data-frame="11"]', 3);
    expect(await page.locator('.stream-id').allTextContents()).toEqual(['or-1', 'or-2', 'or-3']);
    await photograph('three-streams');
    await page.setViewportSize({ width: 400, height: 800 });
    const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
    expect(overflow).toBeLessThanOrEqual(0);
    await photograph('narrow');
  });

  it('does not move what is there when objects come and go', async () => {
    const frames = demoFrames('demo', 60, 6);
    let client: WebSocket | undefined;
    server.onConnection = (socket) => {
      client = socket;
      const [first] = frames;
      if (first !== undefined)
        void play(socket, [{ ...first, message: { ...first.message, tracks: [] } }], 0);
    };
    await page.goto(address);
    await page.waitForSelector('canvas[data-frame="0"]');
    const places = () =>
      Promise.all(['canvas', '.figures', '.objects'].map((selector) => page.locator(selector).boundingBox()));
    const before = await places();
    if (client !== undefined) await play(client, frames.slice(1), 20);
    await shown('tbody tr', 6);
    expect(await places()).toEqual(before);
  });

  it('says so when a stream stalls, ends, or when messages were lost', async () => {
    const frames = demoFrames('demo', 0, 2);
    let client: WebSocket | undefined;
    server.onConnection = (socket) => {
      client = socket;
      void play(socket, frames, 0);
    };
    await page.goto(address);
    await page.waitForSelector('.tile[data-state="live"]');
    client?.send(JSON.stringify({ type: 'lost', streamId: 'demo', what: 'frames', count: 12 }));
    await page.locator('#total-lost').getByText('12', { exact: true }).waitFor();
    await page.waitForSelector('.tile[data-state="stalled"]');
    expect(await text('.badge')).toMatch(/^no frames for \d+ s$/);
    await photograph('stalled');
    client?.send(JSON.stringify({ type: 'stream.ended', streamId: 'demo' }));
    await page.waitForSelector('.tile[data-state="ended"]');
  });

  it('shows masks on black where there are no pictures', async () => {
    const frames = demoFrames('demo', 60, 3);
    server.onConnection = async (socket) => {
      for (const { message } of frames) {
        socket.send(JSON.stringify(message));
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
    };
    await page.goto(address);
    await page.waitForSelector('canvas[data-frame="2"][data-picture="none"]');
  });

  it('waits for streams, notices a lost connection and comes back by itself', async () => {
    let connections = 0;
    server.onConnection = () => {
      connections++;
    };
    await page.goto(address);
    await page.waitForSelector('#connection[data-state="connected"]');
    expect(await text('#notice-title')).toBe('No streams yet');
    await photograph('no-streams');
    server.dropClients();
    await page.waitForSelector('#connection[data-state="disconnected"]');
    expect(await text('#notice-title')).toBe('The service does not answer');
    await photograph('disconnected');
    await page.waitForSelector('#connection[data-state="connected"]');
    expect(connections).toBe(2);
  });

  it('asks for a token when it needs one, and keeps it out of the address', async () => {
    server.token = 'a-token-of-a-viewer';
    await page.goto(address);
    await page.waitForSelector('#token-form:not([hidden])');
    await photograph('token');
    await page.getByLabel('Access token').fill('a-token-of-a-viewer');
    await page.getByRole('button', { name: 'Connect' }).click();
    await page.waitForSelector('#connection[data-state="connected"]');
    expect(page.url()).toBe(address);

    const other = await browser.newPage();
    await other.goto(`${address}#token=a-token-of-a-viewer`);
    await other.waitForSelector('#connection[data-state="connected"]');
    expect(other.url()).toBe(address);
    await other.close();
  });
});
