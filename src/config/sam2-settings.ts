import { memoryPolicyNames } from '../tracker/sam2/memory-policy-names.ts';
import {
  booleanSetting,
  choiceSetting,
  downloadBaseSetting,
  integerSetting,
  textSetting,
} from './setting-kinds.ts';

/** Settings of the SAM 2 model, where it comes from and how it runs. */
export const sam2Settings = {
  SAM2_MODEL: textSetting({
    default: 'sam2.1-tiny',
    allowed:
      'the name of a model that `trackcast models list` shows, or the path of a `.pt` or `.safetensors` file',
    pattern: /^(?!~)[^\0]{1,4096}$/,
    description:
      'The SAM 2 model. A name means the store in MODEL_DIR; whatever has a `/` or ends like a file is a path. See docs/models.md.',
  }),
  MODEL_DIR: textSetting({
    default: '',
    allowed: 'empty, or the path of a folder (`~` is not understood)',
    pattern: /^(?!~)[^\0]{1,4096}$/,
    mayBeEmpty: true,
    description:
      'Store of models. Graphs are built there too, so it has to be writable when a model is first used with an image size and precision. Empty: `trackcast/models` in XDG_CACHE_HOME, or in `~/.cache` when that is not set.',
  }),
  MODEL_MIRROR: downloadBaseSetting({
    default: '',
    description:
      "Base URL that stands for `https://dl.fbaipublicfiles.com` in `trackcast models pull`; the files' paths below it stay the same. Empty: Meta's host itself.",
  }),
  SAM2_IMAGE_SIZE: integerSetting({
    default: 0,
    or: 0,
    multipleOf: 32,
    min: 64,
    max: 2048,
    description:
      "Side of the square, in pixels, to which pictures are scaled for the model. Work grows faster than its square. 0: the model's own, 1024 for those that Meta published. Fine-tunes want the size that they were trained with.",
  }),
  SAM2_PRECISION: choiceSetting({
    default: 'float32',
    choices: ['float32', 'float16'],
    description:
      'Number format of weights and activations. `float16` halves the memory they take and is faster on graphics cards, but slower on most CPUs; masks differ slightly.',
  }),
  SAM2_VOS_OPTIMIZED: booleanSetting({
    default: true,
    description:
      'Run memory attention, mask decoding and memory encoding of a frame as one graph. `false` runs them one by one, with the same results.',
  }),
  SAM2_MEMORY_POLICY: choiceSetting({
    default: 'sam2',
    choices: memoryPolicyNames,
    description:
      'Which earlier frames an object is compared with: `sam2` the last six, as published; `sam2_gated` the same with SAM2_WHOLE_FRAME_GATE; `samurai` the last six on which mask, presence and motion were credible, and motion has its share in choosing masks; `distractor_aware` appearances at intervals, and frames that tell the object from something like it; `pruned` frames that differ from each other.',
  }),
  SAM2_WHOLE_FRAME_GATE: booleanSetting({
    default: false,
    description:
      'With any memory policy, do not believe a mask of nearly the whole picture right after an absence of an object that was far smaller before. `false`: as published.',
  }),
  SAM2_MEMORY_POOLING: booleanSetting({
    default: false,
    description:
      'Compare a frame with means of 2 x 2 cells of each remembered frame instead of all cells: several times faster with many objects, but an approximation, which costs detail. `false`: as published.',
  }),
  SAM2_MAX_COND_FRAMES_IN_ATTN: integerSetting({
    default: -1,
    or: -1,
    min: 2,
    max: 1000,
    description:
      'Prompted frames of an object that each new frame is compared with at most, the nearest first. Work grows with their number. -1: all of them.',
  }),
  SAM2_ADD_ALL_FRAMES_TO_CORRECT_AS_COND: booleanSetting({
    default: false,
    description:
      'Remember a frame on which a person corrected a tracked object as a prompted frame, so for good. `false`: as any other frame, as published.',
  }),
  SAM2_FILL_HOLE_AREA: integerSetting({
    default: 0,
    min: 0,
    max: 64,
    description:
      'Holes of at most this area in a mask are filled, in pixels of the low-resolution mask (its side is a quarter of the image size). 0: none.',
  }),
  DEVICE_ID: integerSetting({
    default: 0,
    min: 0,
    max: 63,
    description: 'Which of several NVIDIA cards `cuda` uses, counted from 0. `webgpu` chooses for itself.',
  }),
};
