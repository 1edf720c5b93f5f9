import { byteText } from './byte-text.ts';

/** Shortest time between two lines, milliseconds. */
const everyMs = 100;

/** Makes lines about a transfer or a check that is under way, at most ten a second. */
export class TransferProgress {
  readonly #name: string;
  readonly #now: () => number;
  readonly #show: (line: string) => void;
  #stage = '';
  #startedAtMs = 0;
  #startedBytes = 0;
  #shownAtMs = Number.NEGATIVE_INFINITY;

  constructor(name: string, show: (line: string) => void, now: () => number) {
    this.#name = name;
    this.#show = show;
    this.#now = now;
  }

  /** @param total null when it is not known */
  update(stage: string, bytes: number, total: number | null): void {
    const now = this.#now();
    if (stage !== this.#stage) {
      this.#stage = stage;
      this.#startedAtMs = now;
      this.#startedBytes = bytes;
    } else if (now - this.#shownAtMs < everyMs) {
      return;
    }
    this.#shownAtMs = now;
    const rate = ((bytes - this.#startedBytes) / Math.max(1, now - this.#startedAtMs)) * 1000;
    const parts = [this.#name, stage, amount(bytes, total)];
    if (rate > 0) parts.push(`${byteText(Math.round(rate))}/s`);
    if (rate > 0 && total !== null) parts.push(`${timeText((total - bytes) / rate)} left`);
    this.#show(parts.join('  '));
  }
}

function amount(bytes: number, total: number | null): string {
  if (total === null || total === 0) return byteText(bytes);
  return `${Math.floor((bytes / total) * 100)} %  ${byteText(bytes)} of ${byteText(total)}`;
}

function timeText(seconds: number): string {
  const whole = Math.ceil(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
