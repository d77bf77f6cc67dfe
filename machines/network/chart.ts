// chart.ts: what may happen to a network; its leases of addresses are part of it
import { assign, setup, type SnapshotFrom } from 'xstate';
import { network as kind, type Endpoint, type NetworkFact, type NetworkRecord } from '../../events/network.ts';
import type { Moved } from '../../events/fact.ts';
import type { Failure } from '../../events/failure.ts';
import { gap } from '../effect.ts';
import { evolver } from '../evolve.ts';

export interface Context {
  readonly network: NetworkRecord;
  /** RFC 3339. */
  readonly createdAt: string;
  /** By container id. */
  readonly endpoints: Readonly<Record<string, Endpoint>>;
  /** The address that was leased last: the next search goes on behind it. */
  readonly failure: Failure | null;
}

const failed = (_: Context, { data }: { data: Failure }) => ({ failure: { reason: data.reason, message: data.message } });
const evolve = evolver<NetworkFact, Context>({
  'network.createRequested': (_, { data, at }) => ({ network: data.network, createdAt: at, endpoints: {}, failure: null }),
  'network.createFailed': failed,
  'network.removeFailed': failed,
  'network.connected': ({ endpoints }, { data }) => ({ endpoints: { ...endpoints, [data.containerId]: data } }),
  'network.disconnected': ({ endpoints }, { data }) => {
    const { [data.containerId]: _gone, ...rest } = endpoints;
    return { endpoints: rest };
  },
});

const given = setup({
  types: { context: {} as Context, events: {} as Moved<NetworkFact>, tags: {} as 'gone' | 'brief' },
  actors: { ensureNetwork: gap<Context>(), removeNetwork: gap<Context>() },
  actions: { apply: assign(({ context, event }) => evolve(context, event)) },
});
const to = <const Target extends string>(target: Target) => ({ target, actions: 'apply' }) as const;
const stay = { actions: 'apply' } as const;
const input = ({ context }: { context: Context }) => context;

export const chart = given.createMachine({
  id: 'network',
  context: { network: kind.table.createRequested.example.network, createdAt: '', endpoints: {}, failure: null },
  initial: 'absent',
  states: {
    absent: { on: { 'network.createRequested': to('creating') } },
    creating: {
      tags: 'brief',
      invoke: { src: 'ensureNetwork', input },
      on: { 'network.created': to('present'), 'network.createFailed': to('gone') },
    },
    present: { on: { 'network.connected': stay, 'network.disconnected': stay, 'network.removeRequested': to('removing') } },
    removing: {
      tags: 'brief',
      invoke: { src: 'removeNetwork', input },
      on: { 'network.removed': to('gone'), 'network.removeFailed': to('present') },
    },
    gone: { tags: 'gone', type: 'final' },
  },
});
export type NetworkState = SnapshotFrom<typeof chart>['value'];
