import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { FileLock } from '../../../src/model/store/file-lock.ts';
import { folderPerTest } from './store-fixture.ts';

const folder = folderPerTest();
const timing = { heartbeatMs: 60_000, staleMs: 60_000, retryMs: 1 };
const longAgo = new Date(Date.now() - 61_000);

/** A process id of this machine that is free. */
function deadPid(): number {
  return spawnSync(process.execPath, ['--version']).pid;
}

function owner(pid: number, host: string): string {
  return JSON.stringify({ token: 'another', pid, host });
}

describe('a lock', () => {
  it('is held by one at a time, in turn', async () => {
    let holders = 0;
    let most = 0;
    const turn = async () => {
      const lock = await FileLock.acquire(folder.path('lock'), timing, {});
      most = Math.max(most, ++holders);
      await new Promise((resolve) => setTimeout(resolve, 2));
      holders--;
      await lock.release();
    };
    await Promise.all(Array.from({ length: 8 }, turn));
    expect(most).toBe(1);
    expect(await readdir(folder.path())).toEqual([]);
  });

  it('tells once who has it', async () => {
    const lock = await FileLock.acquire(folder.path('lock'), timing, {});
    const told: string[] = [];
    const waiting = FileLock.acquire(folder.path('lock'), timing, {
      onWait: (who) => {
        told.push(who);
        setTimeout(() => void lock.release(), 20);
      },
    });
    await (await waiting).release();
    expect(told).toEqual([`process ${process.pid} on ${hostname()}`]);
  });

  it.each([
    ['of a dead process of this machine', () => owner(deadPid(), hostname()), new Date()],
    ['that was silent for long', () => owner(process.pid, hostname()), longAgo],
    ['that was silent for long on another machine', () => owner(1, 'elsewhere'), longAgo],
    ['whose owner died before it said who it is', () => '', longAgo],
  ])('%s is broken', async (_, content, lastSign) => {
    await writeFile(folder.path('lock'), content());
    await utimes(folder.path('lock'), lastSign, lastSign);
    const lock = await FileLock.acquire(folder.path('lock'), timing, {});
    expect(JSON.parse(await readFile(folder.path('lock'), 'utf8'))).toMatchObject({ pid: process.pid });
    await lock.release();
    expect(await readdir(folder.path())).toEqual([]);
  });

  it('that is broken by many is held by one', async () => {
    await writeFile(folder.path('lock'), owner(deadPid(), hostname()));
    let holders = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        const lock = await FileLock.acquire(folder.path('lock'), timing, {});
        most = Math.max(most, ++holders);
        await new Promise((resolve) => setTimeout(resolve, 1));
        holders--;
        await lock.release();
      }),
    );
    expect(most).toBe(1);
  });

  it.each([
    ['of a process of another machine', () => owner(1, 'elsewhere')],
    ['of nobody yet', () => ''],
  ])('%s is waited for until one has had enough', async (_, content) => {
    await writeFile(folder.path('lock'), content());
    const stop = new AbortController();
    const waiting = FileLock.acquire(folder.path('lock'), timing, {
      signal: stop.signal,
      onWait: () => stop.abort(new Error('enough')),
    });
    await expect(waiting).rejects.toThrow('enough');
    expect(existsSync(folder.path('lock'))).toBe(true);
  });

  it('tells its owner when another has taken it', async () => {
    const lock = await FileLock.acquire(folder.path('lock'), { ...timing, heartbeatMs: 5 }, {});
    expect(lock.lost.aborted).toBe(false);
    await writeFile(folder.path('lock'), owner(1, 'elsewhere'));
    await new Promise((resolve) => lock.lost.addEventListener('abort', resolve));
    expect(lock.lost.reason).toMatchObject({
      code: 'TRACKCAST_LOCK_LOST',
      message: expect.stringContaining('process 1 on elsewhere'),
      place: { key: folder.path('lock') },
    });
    await lock.release();
    expect(await readFile(folder.path('lock'), 'utf8')).toBe(owner(1, 'elsewhere'));
  });

  it.each([
    ['taken by another', () => writeFile(folder.path('lock'), owner(1, 'elsewhere')), 'elsewhere'],
    ['removed', () => rm(folder.path('lock')), 'removed'],
    ['made unreadable', () => writeFile(folder.path('lock'), 'x'.repeat(5000)), 'cannot be kept'],
  ])('that was %s is not confirmed', async (_, lose, reason) => {
    const lock = await FileLock.acquire(folder.path('lock'), timing, {});
    await lock.confirm();
    await lose();
    await expect(lock.confirm()).rejects.toMatchObject({
      code: 'TRACKCAST_LOCK_LOST',
      message: expect.stringContaining(reason),
    });
    await lock.release();
  });

  it('gives signs of life while it is held', async () => {
    const lock = await FileLock.acquire(folder.path('lock'), { ...timing, heartbeatMs: 5 }, {});
    await utimes(folder.path('lock'), longAgo, longAgo);
    while ((await stat(folder.path('lock'))).mtimeMs < Date.now() - 30_000) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await lock.release();
  });
});
