import type { DetectorSettings } from '../../../src/model/detector/detector.ts';

/** Settings of a detector as the configuration has them by default, but for a small input. */
export function detectorSettings(file: string, part: Partial<DetectorSettings> = {}): DetectorSettings {
  return {
    file,
    layout: 'auto',
    labels: null,
    classes: [],
    minScore: 0.35,
    classMinScores: [],
    suppressionIou: 0.5,
    maxBoxes: 10,
    imageSize: 64,
    pixels: { channels: 'rgb', maximum: 1 },
    boxUnits: 'pixels',
    ...part,
  };
}
