import { distractorAwarePolicy } from './distractor-aware-policy.ts';
import type { MemoryPolicy } from './memory-policy.ts';
import { motionAwarePolicy } from './motion-aware-policy.ts';
import { prunedMemoryPolicy } from './pruned-memory-policy.ts';
import { recentMemoryPolicy } from './recent-memory-policy.ts';
import { withWholeFrameGate } from './whole-frame-gate.ts';

/** Names of the memory policies. All but the first differ from the published predictor on purpose. */
export const memoryPolicyNames = ['sam2', 'sam2_gated', 'samurai', 'distractor_aware', 'pruned'] as const;
export type MemoryPolicyName = (typeof memoryPolicyNames)[number];

const policies: Readonly<Record<MemoryPolicyName, MemoryPolicy>> = {
  sam2: recentMemoryPolicy,
  sam2_gated: withWholeFrameGate(recentMemoryPolicy),
  samurai: motionAwarePolicy,
  distractor_aware: distractorAwarePolicy,
  pruned: prunedMemoryPolicy,
};

/** The policy of a name. Policies hold no state: any number of predictors may share one. */
export function memoryPolicyOf(name: MemoryPolicyName): MemoryPolicy {
  return policies[name];
}
