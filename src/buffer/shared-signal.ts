/** `Atomics.waitAsync` is in every Node.js we support and not yet in the library types of our language target. */
interface AsyncAtomics {
  waitAsync(
    words: Int32Array,
    index: number,
    value: number,
  ): { readonly async: false } | { readonly async: true; readonly value: Promise<'ok' | 'timed-out'> };
}

const asyncAtomics = Atomics as unknown as AsyncAtomics;

/** Resolves once `words[index]` has been raised since it held `seen`. Blocks no thread. */
export async function signalAfter(words: Int32Array, index: number, seen: number): Promise<void> {
  const wait = asyncAtomics.waitAsync(words, index, seen);
  if (wait.async) {
    await wait.value;
  }
}

/** Wakes everyone who waits on `words[index]`, in any thread. */
export function raiseSignal(words: Int32Array, index: number): void {
  Atomics.add(words, index, 1);
  Atomics.notify(words, index);
}
