import type { FastifyInstance } from 'fastify';
import { type AccessControl, bearerToken } from './auth.ts';

/** Returns why a part is not ready yet, or null when it is. */
type ReadinessCheck = () => string | null;

export interface Operations {
  /** By the name of what is checked, such as `model`, `broker`. */
  readonly readiness: Readonly<Record<string, ReadinessCheck>>;
  /** Prometheus' text format. */
  readonly metrics: () => Promise<string>;
  /** Metrics name streams: others than programs on this machine need a viewer's token for them. */
  readonly metricsNeedToken: boolean;
}

/** Routes for whoever runs the service: alive, ready, metrics. */
export function addOperationsRoutes(
  app: FastifyInstance,
  operations: Operations,
  access: AccessControl,
): void {
  app.get('/healthz', async () => ({ alive: true }));

  app.get('/readyz', async (_request, reply) => {
    const checks: Record<string, string> = {};
    let ready = true;
    for (const [name, check] of Object.entries(operations.readiness)) {
      const reason = check();
      checks[name] = reason ?? 'ready';
      ready &&= reason === null;
    }
    return reply.code(ready ? 200 : 503).send({ ready, checks });
  });

  app.get('/metrics', async (request, reply) => {
    if (operations.metricsNeedToken) access.require('viewer', bearerToken(request.headers));
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(await operations.metrics());
  });
}
