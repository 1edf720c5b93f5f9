import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
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
  return fromSources ? spawnFromSources(url, options) : new Worker(url, options);
}

/** On Node 20 `--import tsx` has no effect inside a worker: its loader has to be registered from within. */
function spawnFromSources(url: URL, options: WorkerOptions): Worker {
  // Resolving `tsx/esm/api` gives its CommonJS half, which cannot register outside a module.
  const compiler = pathToFileURL(createRequire(import.meta.url).resolve('tsx/package.json'));
  const loader = new URL('dist/esm/api/index.mjs', compiler);
  const script = `import(${JSON.stringify(loader.href)}).then(({ register }) => {
    register();
    return import(${JSON.stringify(url.href)});
  });`;
  return new Worker(script, { ...options, eval: true });
}
