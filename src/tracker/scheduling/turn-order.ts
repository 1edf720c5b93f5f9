/** Someone who waits for a turn. */
export interface Waiting {
  readonly streamId: string;
  /** Milliseconds since its last turn, or where it is given up, since its turn was due; times the weight of its stream. */
  readonly weightedAgeMs: number;
  /** Milliseconds since its turn was due, times the weight of its stream. */
  readonly weightedLatenessMs: number;
  /** How long a person has waited for it; null where nobody does. */
  readonly personWaitMs: number | null;
}

const leastHeadStartMs = 2000;

/**
 * People go first, but not before streams that have been late for so much longer than they have waited.
 *
 * @param roundMs what a turn of every stream takes together: where that is long, being late for as long is usual
 */
export function headStartMs(roundMs: number): number {
  return Math.max(leastHeadStartMs, 2 * roundMs);
}

/**
 * The order of turns. Among streams, the greatest weighted age goes first: that bounds every stream's age, shares turns
 * by weight where they are scarce, and gives no credit for the time in which a stream had no frames (the greedy policy
 * of Kadota et al. 2018, "Scheduling Policies for Minimizing Age of Information in Broadcast Wireless Networks").
 * People go before streams, the longest wait first, with a head start that is long but finite, so that however much
 * they ask for, no stream starves.
 *
 * @param roundMs see `headStartMs`
 */
export function inTurn<T extends Waiting>(waiting: readonly T[], roundMs: number): T[] {
  const people = waiting.filter(({ personWaitMs }) => personWaitMs !== null);
  const streams = waiting.filter(({ personWaitMs }) => personWaitMs === null);
  people.sort((a, b) => (b.personWaitMs ?? 0) - (a.personWaitMs ?? 0) || byId(a, b));
  streams.sort((a, b) => b.weightedAgeMs - a.weightedAgeMs || byId(a, b));
  const order: T[] = [];
  let nextPerson = 0;
  let nextStream = 0;
  while (order.length < waiting.length) {
    const person = people[nextPerson];
    const stream = streams[nextStream];
    if (stream !== undefined && (person === undefined || isStarving(stream, person, headStartMs(roundMs)))) {
      order.push(stream);
      nextStream++;
    } else if (person !== undefined) {
      order.push(person);
      nextPerson++;
    }
  }
  return order;
}

function isStarving(stream: Waiting, person: Waiting, aheadMs: number): boolean {
  return stream.weightedLatenessMs > (person.personWaitMs ?? 0) + aheadMs;
}

/** Decides ties, so that the same state always has the same order. */
function byId(a: Waiting, b: Waiting): number {
  return a.streamId < b.streamId ? -1 : a.streamId > b.streamId ? 1 : 0;
}
