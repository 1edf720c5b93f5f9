import { buildTokenAffinityGraph } from '../../src/model/mobile-sam/token-affinity-graph.ts';
import { openOnProvider } from '../../src/model/runtime.ts';

/** Whether this machine has none of it. */
export async function isMissing(provider: 'cuda'): Promise<boolean> {
  const graph = buildTokenAffinityGraph('anywhere', { neighbours: 20, temperature: 0.05 });
  try {
    await (await openOnProvider(graph, provider, { intraOpThreads: 1 })).release();
    return false;
  } catch {
    return true;
  }
}
