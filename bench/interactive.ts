import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { monotonicMs } from '../src/clock.ts';
import { maskIou } from '../src/mask/mask-iou.ts';
import { decodeRunLength } from '../src/mask/run-length.ts';
import type { TrackMessage } from '../src/publish/track-message.ts';
import type { BenchmarkContext } from './benchmark.ts';
import { type Figure, median, percentile } from './figure.ts';
import type { SceneVideo } from './scene-video.ts';

const program = fileURLToPath(new URL('../src/cli.js', import.meta.url));
const streamId = 'bench';
const promptsEach = 30;
const millisecondsPerFrame = 40;
/** A mask that has not come by then never will. */
const patienceMs = 15_000;

/** What goes on beside the prompts. */
interface Situation {
  readonly name: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Whether an object is tracked all the while, so that the model looks now and then. */
  readonly isTracking: boolean;
  /** Whether prompts are given within a second after a look has ended only, while the next is still to come. */
  readonly avoidsLooks?: boolean;
}

const situations: readonly Situation[] = [
  {
    name: 'device free',
    environment: { SAM2_PROMPT_STRATEGY: 'none', VIDEO_PROCESSING_FPS: '0.3' },
    isTracking: true,
    avoidsLooks: true,
  },
  {
    name: 'device busy',
    environment: { SAM2_PROMPT_STRATEGY: 'auto_grid' },
    isTracking: true,
  },
  { name: 'nothing tracked yet', environment: { SAM2_PROMPT_STRATEGY: 'none' }, isTracking: false },
];

/** What one prompt came to. */
interface Answered {
  /** From the request to its answer, milliseconds. */
  readonly answerMs: number;
  /** From the request to the first published mask of its object, milliseconds; null where none came. */
  readonly maskMs: number | null;
  /** Overlap of that mask with the truth of its frame. */
  readonly iou: number;
}

/** How long people wait for a mask: prompts at random moments of a live stream, each about a frame seen just before. */
export async function benchInteractive({ videos, tell }: BenchmarkContext): Promise<Figure[]> {
  const [video] = await videos();
  if (video === undefined) return [];
  const figures: Figure[] = [];
  for (const situation of situations) {
    tell(`prompting: ${situation.name}`);
    figures.push(...figuresOf(situation, await measure(situation, video)));
  }
  return figures;
}

function figuresOf({ name }: Situation, answered: readonly Answered[]): Figure[] {
  const shown = answered.flatMap(({ maskMs, iou }) => (maskMs === null ? [] : [{ maskMs, iou }]));
  const masks = shown.map(({ maskMs }) => maskMs);
  const note = `${shown.length} of ${answered.length} prompts shown, median IoU ${median(shown.map(({ iou }) => iou)).toFixed(2)}`;
  const millisecond = (what: string, value: number): Figure => ({
    name: `prompt to ${what}, ${name}`,
    value,
    unit: 'ms',
    better: 'less',
  });
  return [
    { ...millisecond('mask p50', median(masks)), note },
    millisecond('mask p95', percentile(masks, 95)),
    millisecond('answer p50', median(answered.map(({ answerMs }) => answerMs))),
  ];
}

async function measure(situation: Situation, video: SceneVideo): Promise<Answered[]> {
  const service = await Service.start(situation.environment);
  const room = new Room(service.address, video);
  try {
    await room.open();
    if (situation.isTracking) await room.prompt(false);
    await delay(3000);
    const answered: Answered[] = [];
    while (answered.length < promptsEach) {
      if (situation.avoidsLooks === true) await room.lookEnded();
      await delay(700 * Math.random());
      answered.push(await room.prompt(true));
      await delay(700 + 1600 * Math.random());
    }
    return answered;
  } finally {
    await room.close();
    await service.end();
  }
}

/** A camera that films the scene over and over, and somebody who watches and prompts. */
class Room {
  readonly #address: string;
  readonly #video: SceneVideo;
  readonly #newest: TrackMessage[] = [];
  readonly #sockets: WebSocket[] = [];
  #filming: Promise<void> = Promise.resolve();
  #isFilming = true;
  #onFrame: () => void = () => {};

  constructor(address: string, video: SceneVideo) {
    this.#address = address;
    this.#video = video;
  }

  async open(): Promise<void> {
    const viewer = await this.#connect(`/v1/live?streams=${streamId}`);
    viewer.on('message', (data) => {
      const message = JSON.parse(String(data)) as TrackMessage;
      if (message.tracks === undefined) return;
      this.#newest.push(message);
      if (this.#newest.length > 50) this.#newest.shift();
      this.#onFrame();
    });
    const camera = await this.#connect(`/v1/ingest/${streamId}`);
    this.#filming = this.#film(camera);
    while (this.#newest.length < 20) await this.#nextFrame();
  }

  async close(): Promise<void> {
    this.#isFilming = false;
    await this.#filming;
    for (const socket of this.#sockets) socket.close();
  }

  /** @param isTransient whether the object is removed once it has been seen */
  async prompt(isTransient: boolean): Promise<Answered> {
    const ago = 5 + Math.floor(15 * Math.random());
    const seen = this.#newest.at(-ago) as TrackMessage;
    const object = this.#visibleObject(seen);
    const body = { points: [object.point], timestampNs: seen.frame.timestampNs };
    const begun = monotonicMs();
    const answer = await this.#send('POST', '/prompts', body);
    const answerMs = monotonicMs() - begun;
    const { objectId } = (await answer.json()) as { objectId?: number };
    if (objectId === undefined) return { answerMs, maskMs: null, iou: 0 };
    const shown = await this.#firstMask(objectId, begun);
    const iou = shown === null ? 0 : this.#overlap(shown.mask, shown.frameIndex, object.id);
    if (isTransient) await this.#send('DELETE', `/objects/${objectId}`);
    return { answerMs, maskMs: shown === null ? null : shown.atMs - begun, iou };
  }

  /** Resolves when the result of a look has been published. */
  async lookEnded(): Promise<void> {
    do await this.#nextFrame();
    while (this.#newest.at(-1)?.provenance !== 'segmented');
  }

  async #firstMask(objectId: number, begun: number) {
    while (monotonicMs() - begun < patienceMs) {
      const message = this.#newest.find(({ tracks }) =>
        tracks.some(({ id, mask }) => id === objectId && mask !== null),
      );
      const mask = message?.tracks.find(({ id }) => id === objectId)?.mask;
      if (message && mask) return { atMs: monotonicMs(), mask, frameIndex: message.frame.index };
      await this.#nextFrame();
    }
    return null;
  }

  #truth(frameIndex: number): Uint8Array {
    return this.#video.scene.masks(frameIndex % this.#video.accessUnits.length);
  }

  #overlap(mask: { size: [number, number]; counts: string }, frameIndex: number, id: number): number {
    return maskIou(
      decodeRunLength(mask),
      this.#truth(frameIndex).map((at) => (at === id ? 1 : 0)),
    );
  }

  /** A random object of a frame, and a place well inside it. */
  #visibleObject({ frame }: TrackMessage) {
    const truth = this.#truth(frame.index);
    const ids = [...new Set(truth)].filter((id) => id > 0 && truth.filter((at) => at === id).length > 4000);
    const id = ids[Math.floor(Math.random() * ids.length)] ?? 1;
    const inside = [...truth.keys()].filter((at) => truth[at] === id);
    const at = inside[Math.floor(inside.length / 2)] ?? 0;
    const { width } = this.#video;
    return { id, point: { x: (at % width) + 0.5, y: Math.floor(at / width) + 0.5 } };
  }

  #nextFrame(): Promise<void> {
    return new Promise((resolve) => {
      this.#onFrame = resolve;
    });
  }

  async #film(camera: WebSocket): Promise<void> {
    const { accessUnits } = this.#video;
    const begun = monotonicMs();
    for (let at = 0; this.#isFilming; at++) {
      camera.send(accessUnits[at % accessUnits.length] ?? '');
      await delay(Math.max(0, begun + (at + 1) * millisecondsPerFrame - monotonicMs()));
    }
  }

  async #connect(path: string): Promise<WebSocket> {
    const socket = new WebSocket(this.#address.replace('http', 'ws') + path);
    this.#sockets.push(socket);
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    return socket;
  }

  #send(method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(`${this.#address}/v1/streams/${streamId}${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
  }
}

/** The whole program in a process of its own, its models warm. */
class Service {
  readonly address: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, address: string) {
    this.#child = child;
    this.address = address;
  }

  static async start(environment: Readonly<Record<string, string>>): Promise<Service> {
    const child = spawn(process.execPath, [program, 'serve', '--no-demo'], {
      env: { ...process.env, HTTP_PORT: '0', LOG_LEVEL: 'error', ...environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const address = await new Promise<string>((resolve, reject) => {
      let said = '';
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-10_000);
        const [, found] = /^Trackcast: (http:\S+)$/m.exec(said) ?? [];
        if (found !== undefined) resolve(found);
      });
      child.once('close', () => reject(new Error(`the program ended:\n${said}`)));
    });
    const service = new Service(child, address);
    while ((await fetch(`${address}/readyz`)).status !== 200) await delay(200);
    return service;
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const closed = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGTERM');
    await closed;
  }
}
