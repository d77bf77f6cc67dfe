// health.ts: the facts of a container's health; they stand in the container's stream. Probe output is no fact.
import Type from 'typebox';
import { declare, fact, type FactOf } from './fact.ts';

export const health = declare('health', {
  /** A run begins: probes count anew. */
  began: fact(null, Type.Object({}), {}),
  changed: fact('health_status', Type.Object({ status: Type.Enum(['healthy', 'unhealthy']), failingStreak: Type.Integer() }), {
    status: 'healthy', failingStreak: 0,
  }),
  ended: fact(null, Type.Object({}), {}),
});
export type HealthFact = FactOf<typeof health>;
