import { EventEmitter } from 'node:events';
import type { Worker } from 'node:worker_threads';

/** Stands in for a thread: keeps what it is told, and reports what a test makes it report. */
export class FakeWorker<Command, Report> extends EventEmitter {
  readonly commands: Command[] = [];

  postMessage(command: Command): void {
    this.commands.push(command);
  }

  report(report: Report): void {
    this.emit('message', report);
  }

  die(message: string): void {
    this.emit('error', new Error(message));
    this.emit('exit', 1);
  }

  exit(code: number): void {
    this.emit('exit', code);
  }

  asWorker(): Worker {
    return this as unknown as Worker;
  }
}
