import type { Shape } from '../../../src/demo/shapes.ts';
import type { Pose } from '../../../src/demo/sprite.ts';
import type { BackdropLook } from './backdrop.ts';

/** Size and rate of every scene. */
export const sceneSize = { width: 640, height: 360 } as const;
export const sceneFramesPerSecond = 25;

/** Where the camera looks: the place in the world at the picture's centre, and how large things are. */
export interface CameraPose {
  readonly x: number;
  readonly y: number;
  /** 1: one unit of the world is one pixel. */
  readonly zoom: number;
}

/** A thing that can be tracked. Lengths are units of the world, which are pixels of a camera at rest. */
export interface SceneObject {
  /** From 1 to 255, unique within the scene. */
  readonly id: number;
  readonly shape: Shape;
  readonly radius: number;
  /** Where it is on a frame, whether something hides it or not. */
  readonly pose: (frameIndex: number) => Pose;
}

/** What one camera shows. */
export interface Shot {
  readonly backdrop: BackdropLook;
  /** From the farthest to the nearest. */
  readonly objects: readonly SceneObject[];
  readonly camera: (frameIndex: number) => CameraPose;
}

/** What happens to objects, whose identity is then asked for. */
export type SceneEvent =
  /** They are hidden or out of view for a while; how long shows in the truth. */
  | { readonly kind: 'hidden'; readonly objectIds: readonly number[] }
  /** Something goes on from one frame to another (exclusive). */
  | {
      readonly kind: 'span';
      readonly objectIds: readonly number[];
      readonly from: number;
      readonly to: number;
    };

/** The round picture of an endoscope, pixels. */
export interface RoundView {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  /** Places in the world of wet spots that reflect the light. */
  readonly highlights: readonly { readonly x: number; readonly y: number; readonly radius: number }[];
}

/** A description of a short video; every frame can be drawn at any time, the same each time. */
export interface Scene {
  /** Kind and seed, such as `occlusion-30 #2`. */
  readonly name: string;
  readonly frames: number;
  readonly shot: (frameIndex: number) => Shot;
  readonly event: SceneEvent;
  /** How much the sensor gets too much light, 1 is right. */
  readonly exposure?: (frameIndex: number) => number;
  readonly roundView?: RoundView;
  /** Frames between two rounds of automatic prompting; 30 by default. */
  readonly repromptIntervalFrames?: number;
  /** How long a look of the model takes, virtual milliseconds; 400 by default, so every tenth frame is looked at. */
  readonly segmentationMs?: number;
}
