import { basename } from 'node:path';

/** Folders of the store that are no models. */
const reserved: ReadonlySet<string> = new Set(['files', 'incoming']);

const fileEnding = /\.(pt|pth|ckpt|bin|safetensors)$/i;

/** Completes the sentence "a model's name has ...". */
export const modelNameForm =
  '1 to 64 of a-z 0-9 . _ -, begins with a letter or digit, and does not end like a file';

/** Whether a model in the store may have this name. It is also the name of its folder. */
export function isModelName(text: string): boolean {
  return /^[a-z0-9][a-z0-9._-]{0,63}$/.test(text) && !reserved.has(text) && !fileEnding.test(text);
}

/** Whether a reference to a model means a file rather than a name in the store. */
export function isFileReference(reference: string): boolean {
  return /[/\\]/.test(reference) || fileEnding.test(reference);
}

/** A name after a file's; null when nothing of the file's name can be used. */
export function nameAfterFile(path: string): string | null {
  const name = basename(path)
    .replace(fileEnding, '')
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 64);
  return isModelName(name) ? name : null;
}
