// The live page is plain JavaScript; these are the parts of it that tests call.

declare module '*/web/run-length.js' {
  export function readRuns(counts: string, pixels: number): number[];
  export function paintMask(
    mask: { readonly size: readonly [number, number]; readonly counts: string },
    map: Uint8Array,
    mapWidth: number,
    mapHeight: number,
    id: number,
  ): void;
}

declare module '*/web/palette.js' {
  export function colourOf(id: number): [number, number, number];
}

declare module '*/web/frame-pairing.js' {
  export class FramePairing {
    addMessage(index: number, message: unknown): unknown;
    addPicture(index: number, picture: unknown): unknown;
    reset(): void;
  }
}

declare module '*/web/picture-packet.js' {
  export function readPicture(buffer: ArrayBuffer): { frameIndex: number; jpeg: Uint8Array } | null;
}

declare module '*/web/stream-figures.js' {
  export class StreamFigures {
    readonly skipped: number;
    add(message: object, nowMs: number): void;
    excuse(count: number): void;
    summary(nowMs: number): Record<'rate' | 'segmented' | 'median' | 'high' | 'cameraRate', number | null>;
  }
}
