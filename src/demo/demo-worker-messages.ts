export interface DemoWorkerData {
  /** Even, pixels. */
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  /** Pictures from one IDR picture to the next. */
  readonly gopSize: number;
  /** May be `Infinity`. */
  readonly frames: number;
  /** False: as fast as pictures are asked for. */
  readonly realTime: boolean;
}

export type DemoRequest = { readonly kind: 'picture' } | { readonly kind: 'stop' };

export type DemoResponse =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'accessUnit';
      readonly frameIndex: number;
      /** Since the first picture, by the clock of the scene's camera. */
      readonly capturedAtMs: number;
      readonly data: Uint8Array;
      readonly isLast: boolean;
    };
