/**
 * Names of the memory policies. All but the first differ from the published predictor on purpose. `sam2_gated` is `sam2`
 * with the whole-frame gate, which the others can have too.
 */
export const memoryPolicyNames = ['sam2', 'sam2_gated', 'samurai', 'distractor_aware', 'pruned'] as const;
export type MemoryPolicyName = (typeof memoryPolicyNames)[number];
