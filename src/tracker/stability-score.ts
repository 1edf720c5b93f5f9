/** A threshold this much stricter and looser must give nearly the same mask. */
const stabilityOffset = 1;

/** IoU of a mask at a stricter and a looser threshold (Kirillov et al. 2023, section 5); 0 for an empty mask. */
export function stabilityScore(logits: Float32Array): number {
  let strict = 0;
  let loose = 0;
  for (let at = 0; at < logits.length; at++) {
    const logit = logits[at] as number;
    if (logit > stabilityOffset) strict++;
    if (logit > -stabilityOffset) loose++;
  }
  return loose === 0 ? 0 : strict / loose;
}
