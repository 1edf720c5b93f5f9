/** A device on which streams can be placed. */
export interface PlaceableDevice {
  readonly id: string;
  /** How much work it does in the time in which a device of speed 1 does one unit, greater than 0. */
  readonly speed: number;
}

/** A stream to place. */
export interface PlaceableStream {
  readonly id: string;
  readonly priority: number;
  /** Share of a device of speed 1 that it wants; see `demandAt`. */
  readonly load: number;
  /** The device that it is on; null for none yet. */
  readonly deviceId: string | null;
}

/**
 * Places streams on devices by load. A stream stays where it is while that device is there, since moving it means
 * moving all that its objects remember. The others, new ones and those of a lost device, go one by one, those of high
 * priority and great load first, to the device that is then the least loaded for its speed (longest processing time
 * first, Graham 1969).
 *
 * @returns the device of each stream; empty where there is no device
 */
export function placeStreams(
  streams: readonly PlaceableStream[],
  devices: readonly PlaceableDevice[],
): Map<string, string> {
  const placed = new Map<string, string>();
  const loads = new Map(devices.map(({ id }) => [id, 0]));
  const homeless: PlaceableStream[] = [];
  for (const stream of streams) {
    const load = stream.deviceId === null ? undefined : loads.get(stream.deviceId);
    if (stream.deviceId === null || load === undefined) {
      homeless.push(stream);
      continue;
    }
    placed.set(stream.id, stream.deviceId);
    loads.set(stream.deviceId, load + stream.load);
  }
  homeless.sort((a, b) => b.priority - a.priority || b.load - a.load || (a.id < b.id ? -1 : 1));
  for (const { id, load } of homeless) {
    const device = leastLoaded(devices, loads, load);
    if (device === null) break;
    placed.set(id, device.id);
    loads.set(device.id, (loads.get(device.id) ?? 0) + load);
  }
  return placed;
}

/** The device that would be done first with the load added; the first of several. */
function leastLoaded(
  devices: readonly PlaceableDevice[],
  loads: ReadonlyMap<string, number>,
  added: number,
): PlaceableDevice | null {
  let best: PlaceableDevice | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const device of devices) {
    const time = ((loads.get(device.id) ?? 0) + added) / device.speed;
    if (best !== null && time >= least) continue;
    best = device;
    least = time;
  }
  return best;
}

/** A stream that is better off on another device. */
export interface StreamMove {
  readonly streamId: string;
  readonly from: string;
  readonly to: string;
}

/** Devices whose loads differ by less, as part of the greater one, are left alone: moves are not free. */
const toleratedGap = 0.2;

/**
 * The move of one stream that relieves the busiest device most, as when a device has come back or streams have ended;
 * null where none is worth it. Repeated, it comes to an end: after every move the fuller of the two devices has less to do.
 */
export function nextMove(
  streams: readonly PlaceableStream[],
  devices: readonly PlaceableDevice[],
): StreamMove | null {
  const times = new Map(devices.map(({ id }) => [id, 0]));
  const speeds = new Map(devices.map(({ id, speed }) => [id, speed]));
  for (const { deviceId, load } of streams) {
    if (deviceId === null || !times.has(deviceId)) continue;
    times.set(deviceId, (times.get(deviceId) ?? 0) + load / (speeds.get(deviceId) ?? 1));
  }
  const [busiest] = [...times].sort((a, b) => b[1] - a[1]);
  const [idlest] = [...times].sort((a, b) => a[1] - b[1]);
  if (busiest === undefined || idlest === undefined) return null;
  if (busiest[1] - idlest[1] <= toleratedGap * busiest[1]) return null;
  let best: StreamMove | null = null;
  let least = busiest[1];
  for (const { id, deviceId, load } of streams) {
    if (deviceId !== busiest[0]) continue;
    const after = Math.max(
      busiest[1] - load / (speeds.get(busiest[0]) ?? 1),
      idlest[1] + load / (speeds.get(idlest[0]) ?? 1),
    );
    if (after >= least) continue;
    best = { streamId: id, from: busiest[0], to: idlest[0] };
    least = after;
  }
  return best;
}
