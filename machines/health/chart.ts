// chart.ts: what may happen to a container's health
import { assign, setup, type SnapshotFrom } from 'xstate';
import type { Moved } from '../../events/fact.ts';
import type { HealthFact } from '../../events/health.ts';
import { gap } from '../effect.ts';
import { evolver } from '../evolve.ts';

export interface Context {
  readonly failingStreak: number;
}

const evolve = evolver<HealthFact, Context>({
  'health.began': () => ({ failingStreak: 0 }),
  'health.changed': (_, { data }) => ({ failingStreak: data.failingStreak }),
});
const given = setup({
  types: { context: {} as Context, events: {} as Moved<HealthFact>, tags: {} as 'gone' },
  actors: { probe: gap<Context>() },
  guards: { healthy: ({ event }) => event.type === 'health.changed' && event.data.status === 'healthy' },
  actions: { apply: assign(({ context, event }) => evolve(context, event)) },
});
const to = <const Target extends string>(target: Target) => ({ target, actions: 'apply' }) as const;
const input = ({ context }: { context: Context }) => context;
const changed = [{ guard: 'healthy', ...to('healthy') }, to('unhealthy')] as const;

export const chart = given.createMachine({
  id: 'health',
  context: { failingStreak: 0 },
  initial: 'none',
  states: {
    none: { tags: 'gone', on: { 'health.began': to('starting') } },
    starting: { invoke: { src: 'probe', input }, on: { 'health.changed': [...changed], 'health.ended': to('none') } },
    healthy: { invoke: { src: 'probe', input }, on: { 'health.changed': [...changed], 'health.ended': to('none') } },
    unhealthy: { invoke: { src: 'probe', input }, on: { 'health.changed': [...changed], 'health.ended': to('none') } },
  },
});
export type HealthState = SnapshotFrom<typeof chart>['value'];
