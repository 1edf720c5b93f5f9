import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { ServiceUnderTest } from './service-process.ts';
import { until } from './until.ts';

const browserPath = process.env['TRACKCAST_TEST_CHROMIUM'] ?? '/usr/bin/chromium';
const hasBrowser = existsSync(browserPath);
if (!hasBrowser)
  console.warn(`SKIPPED: the first run is not looked at, there is no browser at ${browserPath}.`);
/** Where screenshots go; none are taken without it. */
const screenshots = process.env['TRACKCAST_TEST_SCREENSHOTS'];

/** Counts canvas pixels close to the colour in which the page draws the first listed object. */
const countMarkedPixels = `(() => {
  const swatch = document.querySelector('tbody .swatch');
  const probe = document.createElement('canvas').getContext('2d');
  probe.fillStyle = getComputedStyle(swatch).getPropertyValue('--swatch');
  probe.fillRect(0, 0, 1, 1);
  const colour = probe.getImageData(0, 0, 1, 1).data;
  const canvas = document.querySelector('canvas');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let marked = 0;
  for (let at = 0; at < data.length; at += 4) {
    const distance = Math.max(...[0, 1, 2].map((channel) => Math.abs(data[at + channel] - colour[channel])));
    if (distance <= 20) marked += 1;
  }
  return marked;
})()`;

describe('the first run, with nothing configured', () => {
  const folder = mkdtempSync(join(tmpdir(), 'trackcast-first-run-'));
  let service: ServiceUnderTest;
  let browser: Browser | undefined;

  beforeAll(async () => {
    service = await ServiceUnderTest.start({ TMPDIR: folder, HOME: folder });
    if (hasBrowser) {
      const args = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run'];
      browser = await chromium.launch({ executablePath: browserPath, args });
    }
  });
  afterEach(() => expect(service.stderr).toMatch(/^Trackcast: http:\/\/127\.0\.0\.1:\d+\n$/));
  afterAll(async () => {
    await browser?.close();
    await service.end();
    rmSync(folder, { recursive: true });
  });

  it('shows a generated scene as a live stream with objects', async () => {
    await until(async () => {
      const body = (await (await service.get('/v1/streams')).json()) as { streams: unknown[] };
      expect(body.streams).toMatchObject([{ id: 'demo', state: 'live', size: { width: 1280, height: 720 } }]);
    });
    await until(async () => {
      expect(await service.metric('trackcast_tracks', 'state="active"')).toBeGreaterThan(0);
    });
  });

  it.skipIf(!hasBrowser)('shows a page with masks over live pictures and a list of objects', async () => {
    const page = await browser?.newPage({ viewport: { width: 1400, height: 860 } });
    if (page === undefined) throw new Error('no browser');
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(service.address);
    await page.waitForSelector('canvas[data-picture="shown"]', { timeout: 20_000 });
    await page.waitForSelector('tbody tr', { timeout: 20_000 });
    await until(async () => expect(await page.evaluate<number>(countMarkedPixels)).toBeGreaterThan(100));
    const shown = await page.locator('canvas').getAttribute('data-frame');
    await until(async () =>
      expect(Number(await page.locator('canvas').getAttribute('data-frame'))).toBeGreaterThan(Number(shown)),
    );
    expect(await page.locator('#connection-text').textContent()).toBe('Connected');
    if (screenshots !== undefined) {
      await page.waitForTimeout(20_000);
      await page.screenshot({ path: `${screenshots}/first-run.png` });
    }
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('ends in order when asked to, with live clients connected, and leaves nothing behind', async () => {
    const viewer = new WebSocket(`${service.address.replace('http', 'ws')}/v1/live`);
    await new Promise((resolve) => viewer.once('message', resolve));
    const goodbye = new Promise((resolve) => viewer.once('close', resolve));
    service.signal('SIGTERM');
    expect(await service.ended).toBe(0);
    expect(await goodbye).toBe(1001);
    expect(service.stdout).toMatch(/"msg":"stopped"/);
    expect(service.stdout).not.toMatch(/"level":"(error|fatal)"/);
    expect(readdirSync(folder)).toEqual([]);
    await expect(fetch(`${service.address}/healthz`)).rejects.toThrow();
  });
});
