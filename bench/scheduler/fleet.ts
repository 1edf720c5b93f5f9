import {
  nextMove,
  type PlaceableStream,
  placeStreams,
} from '../../src/tracker/scheduling/stream-placement.ts';
import type { FrameArrival, SimulatedCamera } from './camera-trace.ts';
import type { Dispatcher, Job, SimulatedStream } from './dispatcher.ts';
import type { StreamTally } from './measures.ts';

/** A camera's stream on its way through the simulation. */
export interface CameraStream extends SimulatedStream {
  readonly camera: SimulatedCamera;
  readonly arrivals: Generator<FrameArrival>;
  readonly tally: StreamTally;
  hadTurn: boolean;
  device: SimulatedDevice | null;
  /** Capture of the frame that waits. */
  capturedAtMs: number;
  /** Capture of the newest frame whose result is there. */
  segmentedMs: number;
}

/** A device that runs one thing at a time. */
export interface SimulatedDevice {
  readonly id: string;
  readonly dispatcher: Dispatcher;
  streams: CameraStream[];
  state: 'free' | 'busy' | 'lost';
  run: Run | null;
  /** When it is to be asked again. */
  wakeAtMs: number;
}

/** What a device is at. */
export interface Run {
  readonly beganAtMs: number;
  readonly jobs: readonly (Job & { readonly capturedAtMs: number; readonly asked: readonly number[] })[];
}

/** Which stream is on which device, by `placeStreams` and `nextMove`. */
export class Fleet {
  readonly devices: readonly SimulatedDevice[];

  constructor(count: number, createDispatcher: () => Dispatcher) {
    this.devices = Array.from({ length: count }, (_, at) => ({
      id: `device-${at}`,
      dispatcher: createDispatcher(),
      streams: [],
      state: 'free',
      run: null,
      wakeAtMs: Number.POSITIVE_INFINITY,
    }));
  }

  /** Finds a device for streams that have none. */
  place(streams: readonly CameraStream[]): void {
    const there = this.#working();
    const placeable = [...there.flatMap((device) => device.streams), ...streams].map(placeableOf);
    const placed = placeStreams(placeable, speeds(there));
    for (const stream of streams) {
      const device = there.find(({ id }) => id === placed.get(stream.id)) ?? null;
      stream.device = device;
      device?.streams.push(stream);
    }
  }

  remove(stream: CameraStream): void {
    const { device } = stream;
    if (device === null) return;
    device.streams = device.streams.filter((other) => other !== stream);
    stream.device = null;
  }

  /** Places what a lost device had on the others. */
  evacuate(device: SimulatedDevice): void {
    const streams = device.streams.splice(0);
    for (const stream of streams) stream.device = null;
    this.place(streams);
  }

  /** Moves streams until no move is worth it. */
  rebalance(): void {
    const there = this.#working();
    for (;;) {
      const streams = there.flatMap((device) => device.streams);
      const move = nextMove(streams.map(placeableOf), speeds(there));
      const stream = streams.find(({ id }) => id === move?.streamId);
      const to = there.find(({ id }) => id === move?.to);
      if (stream === undefined || to === undefined) return;
      this.remove(stream);
      stream.device = to;
      to.streams.push(stream);
    }
  }

  #working(): SimulatedDevice[] {
    return this.devices.filter(({ state }) => state !== 'lost');
  }
}

/** A stream's load is counted in objects; the encoder's run takes as long as some of them. */
function placeableOf({ id, priority, objects, device }: CameraStream): PlaceableStream {
  return { id, priority, load: 4 + objects, deviceId: device?.id ?? null };
}

function speeds(devices: readonly SimulatedDevice[]) {
  return devices.map(({ id }) => ({ id, speed: 1 }));
}
