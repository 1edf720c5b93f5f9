import { invalidCheckpoint } from './invalid-checkpoint.ts';
import { checkpointLimits } from './limits.ts';
import { PickleDictionary, type PickleValue, TensorReference } from './pickle-values.ts';

/** Keys under which training programs put the state dictionary, beside an optimizer's and other things. */
const stateKeys = ['model', 'state_dict'];

/**
 * The tensors of the state dictionary: that under `model` or `state_dict`, else the outermost dictionary.
 * Other entries are left out, and nothing is looked for any deeper.
 *
 * Throws `TRACKCAST_CHECKPOINT_INVALID` when there are no tensors, or too many.
 */
export function findStateDictionary(root: PickleValue): ReadonlyMap<string, TensorReference> {
  if (!(root instanceof PickleDictionary)) throw invalidCheckpoint('its pickle holds no dictionary');
  for (const candidate of [...stateKeys.map((key) => root.entries.get(key)), root]) {
    if (!(candidate instanceof PickleDictionary)) continue;
    const tensors = tensorsOf(candidate);
    if (tensors.size > 0) return tensors;
  }
  throw invalidCheckpoint(`it holds no tensors, nor does a dictionary under ${stateKeys.join(' or ')} in it`);
}

function tensorsOf(dictionary: PickleDictionary): ReadonlyMap<string, TensorReference> {
  const tensors = new Map<string, TensorReference>();
  for (const [key, value] of dictionary.entries) {
    if (typeof key !== 'string' || !(value instanceof TensorReference)) continue;
    if (tensors.size >= checkpointLimits.tensors) {
      throw invalidCheckpoint(`it has more than ${checkpointLimits.tensors} tensors`);
    }
    tensors.set(key, value);
  }
  return tensors;
}
