import { basename, dirname } from 'node:path';

/**
 * What a person does to have a model of the store, and all that was derived from it, made anew: a clause of a sentence.
 * Models of files that are given by their path have no name by which they could be replaced.
 *
 * @param folder of the model
 */
export function renewalOf(folder: string): string {
  const name = basename(folder);
  const isOfFile = basename(dirname(folder)) === 'files' && /^[0-9a-f]{16}$/.test(name);
  return isOfFile
    ? `delete the folder ${folder}, which is made anew when the model's file is next used`
    : `fetch or import the model '${name}' again with --replace`;
}
