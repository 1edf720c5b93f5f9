import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts a worker thread from a module beside the caller, whether the program runs compiled (`.js`) or
 * straight from its sources (`.ts`, in tests and benchmarks).
 *
 * @param moduleName file name without extension, relative to `callerUrl`, such as `./decode-worker`
 * @param callerUrl the caller's `import.meta.url`
 */
export function spawnWorker(moduleName: string, callerUrl: string, options: WorkerOptions = {}): Worker {
  const fromSources = callerUrl.endsWith('.ts');
  const url = new URL(`${moduleName}${fromSources ? '.ts' : '.js'}`, callerUrl);
  return new Worker(url, fromSources ? { ...options, execArgv: ['--import', 'tsx'] } : options);
}
