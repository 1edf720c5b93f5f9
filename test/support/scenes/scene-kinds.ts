import { cutScene, endoscopeScene, flashScene, panScene, staticScene, zoomScene } from './camera-scenes.ts';
import { crossingScene, exitScene, occlusionScene } from './disappearances.ts';
import type { Scene } from './scene.ts';

/** Every kind of scene; each seed is another variation of it. */
export const sceneKinds = {
  'occlusion-10': (seed: number) => occlusionScene(10, seed),
  'occlusion-30': (seed: number) => occlusionScene(30, seed),
  'occlusion-90': (seed: number) => occlusionScene(90, seed),
  'occlusion-300': (seed: number) => occlusionScene(300, seed),
  'exit-10': (seed: number) => exitScene(10, seed),
  'exit-30': (seed: number) => exitScene(30, seed),
  'exit-90': (seed: number) => exitScene(90, seed),
  'exit-300': (seed: number) => exitScene(300, seed),
  crossing: crossingScene,
  pan: panScene,
  zoom: zoomScene,
  flash: flashScene,
  cut: cutScene,
  static: (seed: number) => staticScene(seed),
  endoscope: endoscopeScene,
} as const satisfies Readonly<Record<string, (seed: number) => Scene>>;

export type SceneKind = keyof typeof sceneKinds;

export const sceneKindNames = Object.keys(sceneKinds).filter(isSceneKind);

export function isSceneKind(name: string): name is SceneKind {
  return Object.hasOwn(sceneKinds, name);
}
