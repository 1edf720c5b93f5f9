import type { WorkCosts } from '../../src/tracker/scheduling/device-snapshot.ts';
import { SeededRandom } from '../../test/support/scenes/seeded-random.ts';
import { type FrameArrival, frameArrivals, promptTimes, type SimulatedCamera } from './camera-trace.ts';
import type { Dispatcher, Job, Occasion } from './dispatcher.ts';
import { EventQueue } from './event-queue.ts';
import { type CameraStream, Fleet, type Run, type SimulatedDevice } from './fleet.ts';
import { SimulationMeasures, type SimulationReport } from './measures.ts';

/** A day to simulate. Times are milliseconds from its beginning. */
export interface SimulatedDay {
  readonly cameras: readonly SimulatedCamera[];
  readonly devices: number;
  /** What work takes on average; each run differs from it by chance. */
  readonly costs: WorkCosts;
  readonly forMs: number;
  /** Nothing is measured before. */
  readonly warmUpMs: number;
  /** The first device stops working for this long; what it is at is lost. */
  readonly loss: { readonly fromMs: number; readonly untilMs: number } | null;
  readonly seed: number;
}

/** A device is known to be lost this long after it is. */
const lossNoticedMs = 200;
const moveEveryMs = 1000;
/** Runs take so much more or less than they are expected to. */
const costNoise = 0.15;
/** What is kept of a turn can be prompted on for so long. */
const featuresFreshMs = 1000;
/** Automatic prompting: so many points, again after so long. */
const roundPoints = 8;
const roundEveryMs = 1200;

type SimulationEvent =
  | { readonly kind: 'frame'; readonly stream: CameraStream; readonly arrival: FrameArrival }
  | { readonly kind: 'prompt' | 'round' | 'crowd'; readonly stream: CameraStream }
  | { readonly kind: 'time'; readonly device: SimulatedDevice }
  | { readonly kind: 'done'; readonly device: SimulatedDevice; readonly run: Run }
  | { readonly kind: 'lost' | 'noticed' | 'returned'; readonly device: SimulatedDevice }
  | { readonly kind: 'rebalance' };

/** Replays a day on a clock of its own. The same day has the same report. */
export function simulate(day: SimulatedDay, createDispatcher: () => Dispatcher): SimulationReport {
  return new Simulation(day, createDispatcher).run();
}

class Simulation {
  readonly #day: SimulatedDay;
  readonly #events = new EventQueue<SimulationEvent>();
  readonly #measures: SimulationMeasures;
  readonly #random: SeededRandom;
  readonly #fleet: Fleet;
  readonly #streams: CameraStream[];

  constructor(day: SimulatedDay, createDispatcher: () => Dispatcher) {
    this.#day = day;
    this.#measures = new SimulationMeasures(day.warmUpMs);
    this.#random = new SeededRandom(day.seed);
    this.#fleet = new Fleet(day.devices, createDispatcher);
    this.#streams = day.cameras.map((camera, at) => streamOf(camera, day.seed + 2 * at, day));
  }

  run(): SimulationReport {
    const { forMs, warmUpMs, loss, seed } = this.#day;
    for (const [at, stream] of this.#streams.entries()) {
      const { camera } = stream;
      this.#sendNext(stream);
      this.#events.add(camera.fromMs + this.#random.between(0, roundEveryMs), { kind: 'round', stream });
      for (const time of promptTimes(camera, seed + 2 * at + 1)) {
        this.#events.add(time, { kind: 'prompt', stream });
      }
      if (camera.crowd !== null) {
        this.#events.add(camera.crowd.fromMs, { kind: 'crowd', stream });
        this.#events.add(camera.crowd.untilMs, { kind: 'crowd', stream });
      }
    }
    const [device] = this.#fleet.devices;
    if (loss !== null && device !== undefined) {
      this.#events.add(loss.fromMs, { kind: 'lost', device });
      this.#events.add(loss.fromMs + lossNoticedMs, { kind: 'noticed', device });
      this.#events.add(loss.untilMs, { kind: 'returned', device });
    }
    for (let at = moveEveryMs; at < forMs; at += moveEveryMs) this.#events.add(at, { kind: 'rebalance' });
    this.#fleet.place(this.#streams.filter(({ camera }) => camera.fromMs === 0));
    for (let next = this.#events.take(); next !== null && next.atMs < forMs; next = this.#events.take()) {
      this.#handle(next.event, next.atMs);
    }
    const lostMs = loss === null ? 0 : loss.untilMs - loss.fromMs;
    const aliveMs = this.#day.devices * (forMs - warmUpMs) - lostMs;
    const waiting = this.#streams.filter(({ frameAtMs }) => frameAtMs !== null).length;
    for (const { camera, lastTurnAtMs } of this.#streams) {
      if (camera.untilMs >= forMs) this.#measures.gap(forMs - lastTurnAtMs);
    }
    return this.#measures.report(
      forMs,
      aliveMs,
      waiting,
      this.#streams.map(({ tally }) => tally),
    );
  }

  #handle(event: SimulationEvent, nowMs: number): void {
    switch (event.kind) {
      case 'frame':
        this.#frameCame(event.stream, event.arrival, nowMs);
        break;
      case 'prompt':
        event.stream.personPromptsAtMs.push(nowMs);
        this.#ask(event.stream.device, { kind: 'prompt', stream: event.stream }, nowMs);
        break;
      case 'round':
        this.#roundBegan(event.stream, nowMs);
        break;
      case 'crowd': {
        const { camera } = event.stream;
        const isCrowded = camera.crowd !== null && nowMs < camera.crowd.untilMs;
        event.stream.objects = isCrowded ? (camera.crowd?.objects ?? 0) : camera.objects;
        break;
      }
      case 'time':
        // Another time may have been agreed on since.
        if (event.device.wakeAtMs !== nowMs) return;
        event.device.wakeAtMs = Number.POSITIVE_INFINITY;
        this.#ask(event.device, { kind: 'time' }, nowMs);
        break;
      case 'done':
        this.#runEnded(event.device, event.run, nowMs);
        break;
      case 'lost':
        this.#lose(event.device, nowMs);
        break;
      case 'noticed':
        this.#fleet.evacuate(event.device);
        break;
      case 'returned':
        event.device.state = 'free';
        break;
      case 'rebalance':
        this.#fleet.rebalance();
    }
  }

  #frameCame(stream: CameraStream, { capturedAtMs }: FrameArrival, nowMs: number): void {
    if (stream.device === null) this.#fleet.place([stream]);
    if (stream.frameAtMs !== null) this.#supersede(stream);
    this.#measures.frameCame(nowMs, stream.segmentedMs);
    stream.frameAtMs = nowMs;
    stream.capturedAtMs = capturedAtMs;
    stream.waitsBecause = null;
    this.#sendNext(stream);
    this.#ask(stream.device, { kind: 'frame', stream }, nowMs);
  }

  /** A newer frame has come before this one had a turn. */
  #supersede(stream: CameraStream): void {
    const { frameAtMs, dueAtMs, waitsBecause, device } = stream;
    const unjudged = frameAtMs !== null && dueAtMs > frameAtMs ? 'not_due' : 'device_busy';
    this.#measures.framePropagated(device?.state === 'lost' ? 'device_lost' : (waitsBecause ?? unjudged));
  }

  #sendNext(stream: CameraStream): void {
    const next = stream.arrivals.next();
    if (next.done === true) {
      stream.arrivalsPerSecond = 0;
      if (stream.frameAtMs !== null) this.#supersede(stream);
      stream.frameAtMs = null;
      this.#fleet.remove(stream);
      return;
    }
    this.#events.add(next.value.arrivesAtMs, { kind: 'frame', stream, arrival: next.value });
  }

  #roundBegan(stream: CameraStream, nowMs: number): void {
    if (nowMs >= stream.camera.untilMs) return;
    if (stream.points === 0) {
      stream.points = roundPoints;
      stream.pointsSinceMs = nowMs;
    }
    this.#events.add(nowMs + roundEveryMs, { kind: 'round', stream });
  }

  #ask(device: SimulatedDevice | null, occasion: Occasion, nowMs: number): void {
    if (device?.state !== 'free') {
      if (occasion.kind === 'frame') device?.dispatcher.passed?.(nowMs, occasion.stream);
      return;
    }
    for (const stream of device.streams) {
      stream.keepsFeatures = stream.hadTurn && nowMs - stream.lastTurnAtMs < featuresFreshMs;
    }
    const { jobs, againAtMs } = device.dispatcher.next(nowMs, device.streams, occasion);
    this.#measures.levelIs(nowMs, device.dispatcher.level);
    if (jobs.length > 0) this.#begin(device, jobs, nowMs);
    else this.#wakeAt(device, againAtMs);
  }

  #wakeAt(device: SimulatedDevice, atMs: number): void {
    if (device.wakeAtMs === atMs) return;
    device.wakeAtMs = atMs;
    if (Number.isFinite(atMs)) this.#events.add(atMs, { kind: 'time', device });
  }

  #begin(device: SimulatedDevice, jobs: readonly Job[], nowMs: number): void {
    const { costs } = this.#day;
    let ms = costs.tickMs;
    const taken: Run['jobs'][number][] = [];
    for (const job of jobs) {
      const stream = job.stream as CameraStream;
      ms += job.prompts * costs.promptMs + job.points * costs.pointMs;
      const asked = stream.personPromptsAtMs.splice(0, job.prompts);
      taken.push({ ...job, capturedAtMs: stream.capturedAtMs, asked });
      stream.points -= job.points;
      if (job.turn === null) continue;
      ms += costs.encodeMs + stream.objects * costs.stepMs;
      this.#measures.turnBegan(nowMs, job.turn, nowMs - stream.lastTurnAtMs);
      stream.hadTurn = true;
      if (nowMs >= this.#day.warmUpMs) stream.tally.turns++;
      stream.lastTurnAtMs = nowMs;
      stream.frameAtMs = null;
    }
    const run = { beganAtMs: nowMs, jobs: taken };
    device.state = 'busy';
    device.run = run;
    const factor = this.#random.between(1 - costNoise, 1 + costNoise);
    this.#events.add(nowMs + ms * factor, { kind: 'done', device, run });
  }

  #runEnded(device: SimulatedDevice, run: Run, nowMs: number): void {
    // A run that was lost with its device has no end.
    if (device.run !== run) return;
    device.run = null;
    device.state = 'free';
    let turns = 0;
    let points = 0;
    for (const job of run.jobs) {
      const stream = job.stream as CameraStream;
      for (const asked of job.asked) this.#measures.personServed(nowMs - asked);
      points += job.points;
      if (job.turn === null) continue;
      turns++;
      stream.segmentedMs = Math.max(stream.segmentedMs, job.capturedAtMs);
      this.#measures.resultLanded(run.beganAtMs, nowMs - job.capturedAtMs);
    }
    this.#measures.runEnded(run.beganAtMs, nowMs, turns, points);
    this.#ask(device, { kind: 'free' }, nowMs);
  }

  #lose(device: SimulatedDevice, nowMs: number): void {
    device.state = 'lost';
    for (const { stream, asked } of device.run?.jobs ?? []) {
      stream.personPromptsAtMs.unshift(...asked);
    }
    if (device.run !== null) this.#measures.runEnded(device.run.beganAtMs, nowMs, 0, 0);
    device.run = null;
  }
}

function streamOf(camera: SimulatedCamera, seed: number, { warmUpMs, forMs }: SimulatedDay): CameraStream {
  const { id, weight, priority, objects, fromMs, untilMs, framesPerSecond } = camera;
  return {
    camera,
    id,
    weight,
    priority,
    objects,
    arrivals: frameArrivals(camera, seed),
    tally: { turns: 0, liveMs: Math.min(untilMs, forMs) - Math.max(fromMs, warmUpMs), weight },
    hadTurn: false,
    device: null,
    frameAtMs: null,
    capturedAtMs: fromMs,
    segmentedMs: fromMs,
    arrivalsPerSecond: framesPerSecond,
    lastTurnAtMs: fromMs,
    dueAtMs: fromMs,
    personPromptsAtMs: [],
    points: 0,
    pointsSinceMs: fromMs,
    keepsFeatures: false,
    waitsBecause: null,
    askedAtMs: Number.NEGATIVE_INFINITY,
  };
}
