import { TrackcastError } from '../errors.ts';
import { openCheckpoint } from '../model/checkpoint/checkpoint.ts';
import { isPictureSize, type Recording, timestampOf } from './recording.ts';

/** Name of the tensor that holds the frames. */
const framesName = 'frames';

/**
 * Opens a `.safetensors` file with a tensor `frames` of type U8 and shape [T, H, W, 3], RGB. Frames are read one
 * by one.
 *
 * Throws `TRACKCAST_SOURCE_UNREADABLE` when there is no such tensor, `TRACKCAST_CHECKPOINT_INVALID` for a file
 * that is damaged.
 */
export async function openFramesTensor(path: string): Promise<Recording> {
  const file = await openCheckpoint(path);
  try {
    const tensor = file.tensors.get(framesName);
    const [count = 0, height = 0, width = 0, channels] = tensor?.shape ?? [];
    const isVideo = tensor?.type === 'U8' && tensor.shape.length === 4 && channels === 3 && count > 0;
    if (!isVideo || !isPictureSize({ width, height })) {
      const found =
        tensor === undefined ? 'there is none' : `it is ${tensor.type} [${tensor.shape.join(', ')}]`;
      const message = `Cannot read ${path}: a tensor '${framesName}', U8 [T, H, W, 3], is expected, but ${found}.`;
      throw new TrackcastError('TRACKCAST_SOURCE_UNREADABLE', message, { key: path });
    }
    return { kind: 'tensor', frameCount: count, frames: () => readFrames(path, count, width, height) };
  } finally {
    await file.close();
  }
}

async function* readFrames(path: string, count: number, width: number, height: number) {
  const file = await openCheckpoint(path);
  const size = width * height * 3;
  try {
    for (let index = 0; index < count; index++) {
      const pixels = await file.readBytes(framesName, index * size, size);
      const timestampNs = timestampOf(index);
      yield { index, width, height, pixels, timestampNs, isKeyframe: true, isDamaged: false };
    }
  } finally {
    await file.close();
  }
}
