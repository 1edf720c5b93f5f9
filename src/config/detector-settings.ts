import { z } from 'zod';
import { detectorLayouts } from '../model/detector/detector-layout.ts';
import { choiceSetting, integerSetting, listSetting, numberSetting, textSetting } from './setting-kinds.ts';

const maxListed = 1000;

/** `name=score`, the score from 0 to 1; a class name may have an equals sign itself. */
const classMinScore = /^(.*\S)\s*=\s*(0(?:\.\d*)?|\.\d+|1(?:\.0*)?)$/;

/** Reads an item of `DETECTOR_CLASS_MIN_SCORES`; null for any other text. */
export function parseClassMinScore(text: string): { label: string; minScore: number } | null {
  const [, label, score] = classMinScore.exec(text) ?? [];
  return label === undefined ? null : { label, minScore: Number(score) };
}

/** Settings of the detector that names objects, how its numbers are meant, and which of its boxes count. */
export const detectorSettings = {
  DETECTOR_MODEL: textSetting({
    default: '',
    allowed: 'empty, or the path of an ONNX file (`~` is not understood)',
    pattern: /^(?!~)[^\0]{1,4096}$/,
    mayBeEmpty: true,
    description:
      'A YOLO-style detector for `SAM2_PROMPT_STRATEGY` `detector`, which needs one, and `hybrid`: one input [1, 3, height, width] (float32 or uint8), weights inside the file. Its boxes prompt the segmentation model, its classes become labels of tracks. See docs/detector.md.',
  }),
  DETECTOR_LAYOUT: choiceSetting({
    default: 'auto',
    choices: detectorLayouts,
    description:
      'How its outputs are arranged: `yolov5` [1, boxes, 5 + classes] (YOLOv5, v7); `yolov8` [1, 4 + classes, boxes] (YOLOv8, v9, v11); `end_to_end` [1, boxes, 6] (YOLOv10, and exports with suppression inside); `boxes_scores_labels` three outputs. `auto` tells by shapes and the number of classes, and refuses what could be two of them.',
  }),
  DETECTOR_LABELS: textSetting({
    default: '',
    allowed: 'empty, or the path of a file (`~` is not understood)',
    pattern: /^(?!~)[^\0]{1,4096}$/,
    mayBeEmpty: true,
    description:
      'Names of the classes in their order: `.yaml` or `.json` with a list, a map from numbers to names, or either under `names`; any other file has one name per line. Empty: the names that the model brings along, or `class 0`, `class 1` and so on.',
  }),
  DETECTOR_CLASSES: listSetting({
    default: [],
    item: z.string().trim().min(1).max(200),
    allowed: `a list of at most ${maxListed} class names`,
    description: 'Classes that are looked for. Empty: all.',
  }),
  DETECTOR_MIN_SCORE: numberSetting({
    default: 0.35,
    min: 0,
    max: 1,
    description: 'Least score of a box that counts.',
  }),
  DETECTOR_CLASS_MIN_SCORES: listSetting({
    default: [],
    item: z.string().trim().max(300).regex(classMinScore),
    allowed: `a list of at most ${maxListed} of \`name=score\`, with scores from 0 to 1`,
    description: 'Other least scores for single classes, such as `grasper=0.6`.',
  }),
  DETECTOR_NMS_IOU: numberSetting({
    default: 0.5,
    min: 0,
    max: 1,
    description:
      'Overlap (IOU) above which two boxes of one class are one object, of which the better box stays.',
  }),
  DETECTOR_MAX_BOXES: integerSetting({
    default: 10,
    min: 1,
    max: 100,
    description:
      'Boxes that one look takes up at most, the best ones. Each one that is not tracked yet costs a run of the mask decoder.',
  }),
  DETECTOR_IMAGE_SIZE: integerSetting({
    default: 640,
    min: 32,
    max: 2048,
    multipleOf: 32,
    description:
      'Sides of the input of a graph that leaves them open, pixels. Others say their size themselves.',
  }),
  DETECTOR_PIXEL_MAX: numberSetting({
    default: 1,
    min: 0.001,
    max: 65_535,
    description:
      'What the brightest pixel becomes in a float32 input: 1 for YOLO, 255 for graphs that scale by themselves. A uint8 input gets bytes as they are.',
  }),
  DETECTOR_CHANNELS: choiceSetting({
    default: 'rgb',
    choices: ['rgb', 'bgr'],
    description: 'Order of the colours in its input.',
  }),
  DETECTOR_BOX_UNITS: choiceSetting({
    default: 'pixels',
    choices: ['pixels', 'fractions'],
    description: 'Whether its boxes are in pixels of its input, or fractions of it, 0 to 1.',
  }),
};
