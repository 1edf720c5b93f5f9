import { declareValue, GraphEditor } from '../../../src/model/graph/graph-editor.ts';
import { elementType, readModel, writeModel } from '../../../src/model/graph/onnx-format.ts';

export interface SquareDetectorOptions {
  readonly layout: 'yolov5' | 'yolov8' | 'end_to_end' | 'boxes_scores_labels';
  /** Classes that a row has room for; the square is of the last of them. */
  readonly classes?: number;
  /** Height and width of the input; `null` leaves both open. */
  readonly size?: readonly [number, number] | null;
  readonly input?: 'float32' | 'uint8';
  /** What the brightest pixel is. */
  readonly maximum?: number;
  /** Text under `names` among the model's facts. */
  readonly names?: string;
  /** Where the box is said to be, instead of where the picture is bright: centre, size. */
  readonly says?: readonly [number, number, number, number];
  readonly score?: number;
}

/**
 * A real graph that finds the one bright, whitish square in a picture: brighter than 80 % in all channels. Its score is
 * 0.9 unless there is none.
 */
export function squareDetector(options: SquareDetectorOptions): Uint8Array {
  const {
    layout,
    classes = 2,
    size = [64, 96],
    input = 'float32',
    maximum = input === 'uint8' ? 255 : 1,
  } = options;
  const graph = GraphEditor.create('square', 13);
  const { float32, uint8, int64 } = elementType;
  const pixels = input === 'uint8' ? graph.add('Cast', ['images'], { to: float32 }) : 'images';
  const darkest = graph.add('ReduceMin', [pixels], { axes: [1], keepdims: 0 });
  const isBright = graph.add('Greater', [darkest, graph.addFloats([0.8 * maximum], [])]);
  const bright = graph.add('Cast', [isBright], { to: float32 });
  const along = (axis: 1 | 2) => {
    const line = graph.add('ReduceMax', [bright], { axes: [axis], keepdims: 0 });
    const end = (last: 0 | 1) => {
      const at = graph.add('ArgMax', [line], { axis: 1, keepdims: 1, select_last_index: last });
      return graph.add('Cast', [at], { to: float32 });
    };
    const first = end(0);
    const last = graph.add('Add', [end(1), graph.addFloats([1])]);
    return { line, first, last };
  };
  const x = along(1);
  const y = along(2);
  const half = graph.addFloats([0.5]);
  const centre = ({ first, last }: typeof x) => graph.add('Mul', [graph.add('Add', [first, last]), half]);
  const extent = ({ first, last }: typeof x) => graph.add('Sub', [last, first]);
  const isThere = graph.add('ReduceMax', [x.line], { axes: [1], keepdims: 1 });
  const score = graph.add('Mul', [isThere, graph.addFloats([options.score ?? 0.9])]);
  const nothing = graph.add('Mul', [isThere, graph.addFloats([0])]);
  const said = options.says?.map((value) => graph.add('Add', [nothing, graph.addFloats([value])]));
  const place = said ?? [centre(x), centre(y), extent(x), extent(y)];
  const corners = said ?? [x.first, y.first, x.last, y.last];
  const others = Array.from({ length: classes - 1 }, () => nothing);
  const row = (values: readonly string[]) => graph.add('Concat', values, { axis: 1 });
  const shaped = (value: string, shape: readonly number[], name: string) =>
    graph.add('Reshape', [value, graph.addIntegers(shape)], {}, name);
  const outputs = [];
  switch (layout) {
    case 'yolov8':
      shaped(row([...place, ...others, score]), [1, 4 + classes, 1], 'output0');
      outputs.push(declareValue('output0', float32));
      break;
    case 'yolov5':
      shaped(row([...place, isThere, ...others, score]), [1, 1, 5 + classes], 'output0');
      outputs.push(declareValue('output0', float32));
      break;
    case 'end_to_end': {
      const label = graph.add('Add', [nothing, graph.addFloats([classes - 1])]);
      shaped(row([...corners, score, label]), [1, 1, 6], 'output0');
      outputs.push(declareValue('output0', float32));
      break;
    }
    case 'boxes_scores_labels':
      shaped(row(corners), [1, 4], 'boxes');
      shaped(score, [1], 'scores');
      graph.add(
        'Add',
        [shaped(graph.add('Cast', [nothing], { to: int64 }), [1], 'none'), graph.addIntegers([classes - 1])],
        {},
        'labels',
      );
      outputs.push(
        declareValue('boxes', float32),
        declareValue('scores', float32),
        declareValue('labels', int64),
      );
  }
  const sides = size ?? ['height', 'width'];
  graph.setInputs([declareValue('images', input === 'uint8' ? uint8 : float32, [1, 3, ...sides])]);
  graph.setOutputs(outputs);
  return withFacts(graph.finish(), options.names === undefined ? {} : { names: options.names });
}

/** A graph whose outputs have given shapes, all zero, whatever the picture. */
export function shapedDetector(
  shapes: Readonly<Record<string, readonly number[]>>,
  { size = [640, 640], names }: { readonly size?: readonly [number, number]; readonly names?: string } = {},
): Uint8Array {
  const graph = GraphEditor.create('shaped', 13);
  const { float32 } = elementType;
  const zero = graph.add('Mul', [
    graph.add('ReduceMin', ['images'], { keepdims: 0 }),
    graph.addFloats([0], []),
  ]);
  for (const [name, shape] of Object.entries(shapes))
    graph.add('Expand', [zero, graph.addIntegers(shape)], {}, name);
  graph.setInputs([declareValue('images', float32, [1, 3, ...size])]);
  graph.setOutputs(Object.keys(shapes).map((name) => declareValue(name, float32)));
  return withFacts(graph.finish(), names === undefined ? {} : { names });
}

function withFacts(bytes: Uint8Array, facts: Readonly<Record<string, string>>): Uint8Array {
  const metadataProps = Object.entries(facts).map(([key, value]) => ({ key, value }));
  return writeModel({ ...readModel(bytes), metadataProps });
}
