/**
 * The state of one ring slot in one 32-bit word, so that every transition is one compare-and-exchange:
 *
 * ```
 *   free ──claim──► writing ──commit──► unread ──leaseNext──► read
 *    ▲                 ▲ │abandon          │                    │
 *    └─────────────────┼─┘                 └──claim (counted)───┤
 *                      └──────────────claim─────────────────────┘
 * ```
 * Bits 0-1 hold the state, bits 2-11 how many readers hold the frame, bits 12-31 the generation, which changes
 * with every claim: a reader whose exchange succeeds has therefore seen the metadata of this very frame. A slot
 * is claimed only while nobody holds it.
 */
export const slotState = { free: 0, writing: 1, unread: 2, read: 3 } as const;

export type SlotState = (typeof slotState)[keyof typeof slotState];

const leaseShift = 2;
const generationShift = 12;
const oneLease = 1 << leaseShift;
const leaseMask = 0x3ff;

/** Most leases that one frame can have at a time. */
export const maxLeases = leaseMask;

export function stateOf(word: number): SlotState {
  return (word & 3) as SlotState;
}

export function leasesOf(word: number): number {
  return (word >> leaseShift) & leaseMask;
}

/** Whether the slot holds a frame that can be leased. */
export function holdsFrame(word: number): boolean {
  return stateOf(word) >= slotState.unread;
}

/** The word after a writer took the slot: next generation, no leases. */
export function claimed(word: number): number {
  return (((word >>> generationShift) + 1) << generationShift) | slotState.writing;
}

/** The word with another state and all else as it was. */
export function withState(word: number, state: SlotState): number {
  return (word & ~3) | state;
}

export function withOneLeaseMore(word: number): number {
  return word + oneLease;
}

export function withOneLeaseLess(word: number): number {
  return word - oneLease;
}
