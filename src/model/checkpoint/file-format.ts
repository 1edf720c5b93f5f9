import type { CheckpointFormat } from './checkpoint.ts';
import type { CheckpointFile } from './checkpoint-file.ts';
import { invalidCheckpoint } from './invalid-checkpoint.ts';

const zipSignature = [0x50, 0x4b, 0x03, 0x04];
const pickleProtocol = 0x80;
const tarSignature = { offset: 257, text: 'ustar' };

/**
 * Tells the format by a file's first bytes. Throws `TRACKCAST_CHECKPOINT_INVALID` for others, and for what
 * PyTorch wrote before 1.6: a pickle without a zip file around it, or a tar file.
 */
export async function recogniseFormat(file: CheckpointFile): Promise<CheckpointFormat> {
  const bytes = await file.read(0, Math.min(file.size, tarSignature.offset + tarSignature.text.length));
  // Before all others, since the length of a header may begin like any of them. No length has four large bytes.
  if (bytes[8] === 0x7b && bytes.subarray(4, 8).every((byte) => byte === 0)) return 'safetensors';
  if (zipSignature.every((byte, i) => bytes[i] === byte)) return 'pytorch';
  if (bytes[0] === pickleProtocol || Buffer.from(bytes).toString('latin1', tarSignature.offset) === 'ustar') {
    throw invalidCheckpoint(
      'it is in the format of PyTorch before 1.6; load and save it again (torch.save) with a current PyTorch',
    );
  }
  throw invalidCheckpoint(
    'it is neither a PyTorch nor a safetensors file (a download that ended early, a web page or a Git LFS ' +
      'pointer looks like this)',
  );
}
