/**
 * What a checkpoint may make the program allocate; each limit is checked before memory is taken. The largest
 * SAM 2 checkpoint has 903 tensors, 1.8 thousand zip entries and a pickle of 0.2 MB; training leftovers such
 * as an optimizer's state triple that.
 */
export const checkpointLimits = {
  /** Bytes of a safetensors header: the format's own limit. */
  headerBytes: 100_000_000,
  /** Bytes of a name in a safetensors header. */
  nameBytes: 4096,
  /** Bytes of a zip file's central directory. */
  directoryBytes: 16 * 2 ** 20,
  directoryEntries: 65_536,
  pickleBytes: 16 * 2 ** 20,
  /** Operations of a pickle. */
  pickleOperations: 2 ** 21,
  /** Values on a pickle's stack. */
  pickleStack: 2 ** 18,
  /** Values that a pickle keeps for later reference. */
  pickleMemo: 2 ** 19,
  /** Lists, tuples, dictionaries and tensors of a pickle, together. */
  pickleObjects: 2 ** 18,
  /** Bytes of one integer of a pickle, which has no bound of its own. */
  pickleIntegerBytes: 64,
  tensors: 16_384,
  /** Dimensions of a tensor. */
  rank: 16,
  /** Values of a tensor: 2 GiB of float32. */
  tensorValues: 2 ** 29,
} as const;
