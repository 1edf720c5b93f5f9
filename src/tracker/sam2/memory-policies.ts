import { distractorAwarePolicy } from './distractor-aware-policy.ts';
import type { MemoryPolicy } from './memory-policy.ts';
import type { MemoryPolicyName } from './memory-policy-names.ts';
import { motionAwarePolicy } from './motion-aware-policy.ts';
import { prunedMemoryPolicy } from './pruned-memory-policy.ts';
import { recentMemoryPolicy } from './recent-memory-policy.ts';
import { withWholeFrameGate } from './whole-frame-gate.ts';

const policies: Readonly<Record<Exclude<MemoryPolicyName, 'sam2_gated'>, MemoryPolicy>> = {
  sam2: recentMemoryPolicy,
  samurai: motionAwarePolicy,
  distractor_aware: distractorAwarePolicy,
  pruned: prunedMemoryPolicy,
};

/**
 * The policy of a name. Policies hold no state: any number of predictors may share one.
 *
 * @param wholeFrameGate whether masks of the whole picture are doubted, see `withWholeFrameGate`
 */
export function memoryPolicyOf(name: MemoryPolicyName, wholeFrameGate = false): MemoryPolicy {
  if (name === 'sam2_gated') return memoryPolicyOf('sam2', true);
  const policy = policies[name];
  return wholeFrameGate ? withWholeFrameGate(policy) : policy;
}
