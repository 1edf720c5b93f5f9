import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, sep } from 'node:path';
import { TrackcastError } from '../errors.ts';

/** A file of the page, as it is sent. */
export interface PageFile {
  readonly body: Buffer;
  readonly contentType: string;
  readonly etag: string;
}

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

const maxBytes = 16 * 1024 * 1024;

/**
 * Reads the page into memory, once: requests are answered from this list and never reach the disk, so that no
 * path can lead out of the folder. Files of other types, and hidden ones, are left out.
 *
 * @returns files by their path in a URL; `index.html` also as `/`
 * @throws TrackcastError `TRACKCAST_CONFIG_INVALID` when the folder cannot be read or is too large
 */
export function readPageFiles(folder: string): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  let bytes = 0;
  for (const name of listFiles(folder)) {
    const contentType = contentTypes[extname(name)];
    if (contentType === undefined) continue;
    const body = readFileSync(join(folder, name));
    bytes += body.length;
    if (bytes > maxBytes) throw unreadable(folder);
    const etag = `"${createHash('sha256').update(body).digest('base64url')}"`;
    files.set(`/${name.split(sep).join('/')}`, { body, contentType, etag });
  }
  const index = files.get('/index.html');
  if (index !== undefined) files.set('/', index);
  return files;
}

function listFiles(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(join(folder, sep).length))
      .filter((name) => !name.split(sep).some((part) => part.startsWith('.') || part === 'node_modules'));
  } catch (error) {
    throw unreadable(folder, error);
  }
}

function unreadable(folder: string, cause?: unknown): TrackcastError {
  return new TrackcastError(
    'TRACKCAST_CONFIG_INVALID',
    `The page's folder ${folder} cannot be read, or is larger than ${maxBytes} bytes.`,
    { key: 'webRoot' },
    { cause },
  );
}
