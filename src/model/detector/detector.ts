import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { TrackcastError } from '../../errors.ts';
import {
  type ExecutionProvider,
  noProvider,
  openOnProvider,
  parseExecutionProviders,
  type RefusedProvider,
  refusalReason,
} from '../runtime.ts';
import { type ClassNames, classNamesOf } from './class-names.ts';
import type { Detection } from './detection.ts';
import { readDetectorFile } from './detector-file.ts';
import { type DetectorInput, detectorInputOf } from './detector-input.ts';
import { type DetectorLayout, type DetectorLayoutName, recogniseLayout } from './detector-layout.ts';
import { fillLetterbox, letterboxOf, type PixelEncoding, type SourcePicture } from './letterbox.ts';
import { type DetectorOutput, readDetections, type ScoreGate } from './read-detections.ts';
import { type ScoreGateSettings, scoreGateOf } from './score-gate.ts';
import { suppressOverlaps } from './suppress-overlaps.ts';

/** Which detector, and how its numbers are meant. Plain data: it crosses threads. */
export interface DetectorSettings extends ScoreGateSettings {
  /** Path of an ONNX file. */
  readonly file: string;
  readonly layout: DetectorLayoutName;
  /** Names of the classes by their numbers; null for those that the model brings. */
  readonly labels: readonly string[] | null;
  /** Overlap from which two boxes of a class are one. */
  readonly suppressionIou: number;
  /** Boxes of one picture at most, the best ones. */
  readonly maxBoxes: number;
  /** Sides of the input that the graph leaves open, pixels. */
  readonly imageSize: number;
  /** A graph that takes bytes gets them as they are, whatever the maximum. */
  readonly pixels: PixelEncoding;
  readonly boxUnits: 'pixels' | 'fractions';
}

/** What was seen, by name. */
export interface LabelledDetection extends Detection {
  readonly label: string;
}

/** Where the detector may run. */
interface DeviceSettings {
  readonly executionProviders: readonly string[];
  readonly intraOpThreads: number;
}

/** A graph that has run. */
interface WarmSession {
  readonly session: InferenceSession;
  readonly provider: ExecutionProvider;
  readonly refused: readonly RefusedProvider[];
  readonly input: DetectorInput;
  readonly outputs: readonly DetectorOutput[];
}

/** A YOLO-style detector. Runs block their thread: use it in a worker. Calls must not overlap. */
export class Detector {
  /** Where it runs. */
  readonly provider: ExecutionProvider;
  /** Providers that were preferred and cannot run it. */
  readonly refusedProviders: readonly RefusedProvider[];
  readonly layout: DetectorLayout;
  readonly #settings: DetectorSettings;
  readonly #session: InferenceSession;
  readonly #input: DetectorInput;
  readonly #names: ClassNames;
  readonly #gate: ScoreGate;
  readonly #outputNames: readonly string[];

  private constructor(
    settings: DetectorSettings,
    { session, provider, refused, input }: WarmSession,
    layout: DetectorLayout,
    names: ClassNames,
    gate: ScoreGate,
  ) {
    this.#settings = settings;
    this.#session = session;
    this.#input = input;
    this.#names = names;
    this.#gate = gate;
    this.provider = provider;
    this.refusedProviders = refused;
    this.layout = layout;
    this.#outputNames =
      layout.kind === 'boxes_scores_labels' ? [layout.boxes, layout.scores, layout.labels] : [layout.output];
  }

  /**
   * Opens a detector, runs it once on a grey picture and finds out how its outputs are arranged.
   *
   * Throws `TRACKCAST_MODEL_INVALID` for a file that is not there or no detector as configured, which says what was
   * expected and what was found; `TRACKCAST_PROVIDER_UNAVAILABLE`; and `TRACKCAST_CONFIG_INVALID` for classes that it
   * does not know.
   */
  static async open(settings: DetectorSettings, device: DeviceSettings): Promise<Detector> {
    const providers = parseExecutionProviders(device.executionProviders);
    const { bytes, names: metadata } = await readDetectorFile(settings.file);
    const names = classNamesOf(settings.labels, metadata);
    const gate = scoreGateOf(settings, names);
    const warm = await warmUp(bytes, providers, device.intraOpThreads, settings);
    const { input, outputs } = warm;
    const { width: inputWidth, height: inputHeight } = input;
    const facts = { inputWidth, inputHeight, classes: names.count };
    const verdict = recogniseLayout(outputs, settings.layout, facts);
    if (verdict.kind === 'recognised') return new Detector(settings, warm, verdict.layout, names, gate);
    await warm.session.release();
    const classes = names.count === null ? '' : ` with ${names.count} named classes`;
    throw invalid(
      `the outputs${classes} ${verdict.reason}; found are ${outputs.map(describeOutput).join(', ')}`,
      settings,
    );
  }

  /**
   * What is seen in a picture, best first, at most as many as were configured.
   *
   * Throws `TRACKCAST_INFERENCE_FAILED`.
   */
  async detect(picture: SourcePicture): Promise<LabelledDetection[]> {
    const { width, height, values, tensor, name } = this.#input;
    const letterbox = letterboxOf(picture.aspectRatio, width, height);
    const { channels, maximum } = this.#settings.pixels;
    const encoding = { channels, maximum: values instanceof Uint8Array ? 255 : maximum };
    fillLetterbox(values, width, picture, letterbox, encoding);
    const outputs = await run(this.#session, { [name]: tensor }, this.#outputNames);
    const geometry = {
      inputWidth: width,
      inputHeight: height,
      letterbox,
      units: this.#settings.boxUnits,
    };
    const detections = readDetections(this.layout, outputs, geometry, this.#gate);
    if (detections === null) {
      const found = outputs.map(describeOutput).join(', ');
      throw failed(`its outputs are not arranged as they were at first: ${found}`);
    }
    const { suppressionIou, maxBoxes } = this.#settings;
    return suppressOverlaps(detections, suppressionIou, maxBoxes).map((detection) => ({
      ...detection,
      label: this.#names.nameOf(detection.classIndex),
    }));
  }

  async dispose(): Promise<void> {
    await this.#session.release();
  }
}

/** Opens a graph on the first provider that can both open and run it. */
async function warmUp(
  bytes: Uint8Array,
  providers: readonly ExecutionProvider[],
  intraOpThreads: number,
  settings: DetectorSettings,
): Promise<WarmSession> {
  const refused: RefusedProvider[] = [];
  let cause: unknown;
  for (const provider of providers) {
    let session: InferenceSession;
    try {
      session = await openOnProvider(bytes, provider, { intraOpThreads });
    } catch (error) {
      cause = error;
      refused.push({ provider, reason: refusalReason(error) });
      continue;
    }
    const input = detectorInputOf(session.inputMetadata, settings.imageSize);
    if (typeof input === 'string') {
      await session.release();
      throw invalid(input, settings);
    }
    input.values.fill(input.values instanceof Uint8Array ? 127 : settings.pixels.maximum / 2);
    try {
      const outputs = await run(session, { [input.name]: input.tensor }, session.outputNames);
      return { session, provider, refused, input, outputs };
    } catch (error) {
      await session.release();
      cause = error;
      refused.push({ provider, reason: refusalReason(error) });
    }
  }
  const { code, message, place } = noProvider(refused, 'DETECTOR_MODEL', cause);
  throw new TrackcastError(code, `DETECTOR_MODEL ${settings.file}: ${message}`, place, { cause });
}

/** What goes wrong is thrown; ONNX Runtime would also print it, once a look. */
const quiet = { logSeverityLevel: 4 } as const;

async function run(
  session: InferenceSession,
  feeds: InferenceSession.FeedsType,
  names: readonly string[],
): Promise<DetectorOutput[]> {
  let results: InferenceSession.ReturnType;
  try {
    results = await session.run(feeds, names, quiet);
  } catch (cause) {
    throw failed(refusalReason(cause), cause);
  }
  return names.flatMap((name) => {
    const tensor = results[name];
    if (!(tensor instanceof Tensor) || tensor.type === 'string') return [];
    const { type, dims } = tensor;
    return [{ name, type, dims, data: tensor.data as DetectorOutput['data'] }];
  });
}

function describeOutput({ name, type, dims }: DetectorOutput): string {
  return `${name}: ${type} [${dims.join(', ')}]`;
}

function invalid(problem: string, { file }: DetectorSettings): TrackcastError {
  const key = 'DETECTOR_MODEL';
  return new TrackcastError('TRACKCAST_MODEL_INVALID', `${key} ${file} is no usable detector: ${problem}`, {
    key,
  });
}

function failed(reason: string, cause?: unknown): TrackcastError {
  return new TrackcastError('TRACKCAST_INFERENCE_FAILED', `the detector failed: ${reason}`, {}, { cause });
}
