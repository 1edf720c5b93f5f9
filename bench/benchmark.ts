import type { Figure } from './figure.ts';
import type { IdentityOptions } from './identity.ts';
import type { SceneVideo } from './scene-video.ts';

/** What every benchmark may use. */
export interface BenchmarkContext {
  /** The scene at 720p and at 1080p, encoded when first asked for. */
  readonly videos: () => Promise<readonly SceneVideo[]>;
  /** Frames of the soak test. */
  readonly soakFrames: number;
  /** What `identity` tracks. */
  readonly identity: IdentityOptions;
  /** Says what is going on. */
  readonly tell: (text: string) => void;
}

/** One benchmark; it measures and returns its figures, and leaves nothing running. */
export type Benchmark = (context: BenchmarkContext) => Promise<Figure[]>;
