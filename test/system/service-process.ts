import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** How a program ended: its exit code, or the signal that killed it. */
export type ProgramEnd = number | NodeJS.Signals;

/** The built program as users run it, with no settings but those given. */
export class ProgramUnderTest {
  readonly child: ChildProcess;
  readonly ended: Promise<ProgramEnd>;
  stdout = '';
  stderr = '';
  #onOutput: () => void = () => undefined;

  constructor(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    if (!existsSync(program)) throw new Error('dist/cli.js is missing: run `npm run build` first');
    const { PATH = '', HOME = '' } = process.env;
    this.child = spawn(process.execPath, [program, ...args], { env: { PATH, HOME, ...environment } });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.#onOutput();
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.#onOutput();
    });
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', (code, signal) => {
        resolve(code ?? signal ?? 'SIGKILL');
        this.#onOutput();
      });
    });
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Resolves with the first match in the output; rejects when the program ends without one. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
      if (match !== null) return match;
      if (!this.isRunning) {
        throw new Error(`the program ended and never said ${pattern}:\n${this.stdout}${this.stderr}`);
      }
      await new Promise<void>((resolve) => {
        this.#onOutput = resolve;
      });
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Ends the program if it runs, the hard way when it does not follow. */
  async end(): Promise<void> {
    if (this.isRunning) this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), 15_000);
    await this.ended;
    clearTimeout(timer);
  }
}

/** `trackcast serve` on a free port of its own, or on the one given. */
export class ServiceUnderTest extends ProgramUnderTest {
  address = '';

  static async start(
    environment: Readonly<Record<string, string>> = {},
    args: readonly string[] = [],
  ): Promise<ServiceUnderTest> {
    const service = new ServiceUnderTest(['serve', ...args], { HTTP_PORT: '0', ...environment });
    const [, address = ''] = await service.says(/^Trackcast: (http:\S+)$/m);
    service.address = address;
    return service;
  }

  async get(path: string): Promise<Response> {
    return fetch(`${this.address}${path}`);
  }

  async post(path: string, body: unknown, method = 'POST'): Promise<Response> {
    return fetch(`${this.address}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  /** Sum over all series of a metric whose labels contain `labels`. */
  async metric(name: string, labels = ''): Promise<number> {
    const text = await (await this.get('/metrics')).text();
    let sum = 0;
    for (const line of text.split('\n')) {
      const match = /^([a-z_]+)(\{[^}]*\})? (\S+)$/.exec(line);
      if (match?.[1] === name && (match[2] ?? '').includes(labels)) sum += Number(match[3]);
    }
    return sum;
  }

  /** Frames by what became of them, all streams since the start together. */
  async frames(): Promise<{ received: number; tracked: number; dropped: number; failed: number }> {
    const [received, tracked, dropped, failed] = await Promise.all(
      ['received', 'tracked', 'dropped', 'failed'].map((outcome) =>
        this.metric(`trackcast_frames_${outcome}_total`),
      ),
    );
    return { received: received ?? 0, tracked: tracked ?? 0, dropped: dropped ?? 0, failed: failed ?? 0 };
  }
}
