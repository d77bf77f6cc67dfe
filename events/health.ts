// health.ts: the facts of a container's health; they stand in the container's stream. Probe output is no fact.
import * as v from 'valibot';
import { declare, fact, integer, type FactOf } from './fact.ts';

export const health = declare('health', {
  /** A run begins: probes count anew. */
  began: fact(null, v.object({}), {}),
  changed: fact('health_status', v.object({ status: v.picklist(['healthy', 'unhealthy']), failingStreak: integer }), {
    status: 'healthy', failingStreak: 0,
  }),
  ended: fact(null, v.object({}), {}),
});
export type HealthFact = FactOf<typeof health>;
