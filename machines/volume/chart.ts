// chart.ts: what may happen to a volume; who has it mounted is part of it
import { assign, setup, type SnapshotFrom } from 'xstate';
import type { Moved } from '../../events/fact.ts';
import type { Failure } from '../../events/failure.ts';
import { volume as kind, type VolumeFact, type VolumeRecord } from '../../events/volume.ts';
import { gap } from '../effect.ts';
import { evolver } from '../evolve.ts';

export interface Context {
  readonly volume: VolumeRecord;
  /** RFC 3339. */
  readonly createdAt: string;
  /** Ids of the running containers that have it mounted. */
  readonly mountedBy: readonly string[];
  readonly failure: Failure | null;
}

const failed = (_: Context, { data }: { data: Failure }) => ({ failure: { reason: data.reason, message: data.message } });
const evolve = evolver<VolumeFact, Context>({
  'volume.createRequested': (_, { data, at }) => ({ volume: data.volume, createdAt: at, mountedBy: [], failure: null }),
  'volume.createFailed': failed,
  'volume.removeFailed': failed,
  'volume.mounted': ({ mountedBy }, { data }) => ({ mountedBy: [...mountedBy, data.containerId] }),
  'volume.unmounted': ({ mountedBy }, { data }) => ({ mountedBy: mountedBy.filter((id) => id !== data.containerId) }),
});

const given = setup({
  types: { context: {} as Context, events: {} as Moved<VolumeFact>, tags: {} as 'gone' | 'brief' },
  actors: { createVolume: gap<Context>(), removeVolume: gap<Context>() },
  actions: { apply: assign(({ context, event }) => evolve(context, event)) },
});
const to = <const Target extends string>(target: Target) => ({ target, actions: 'apply' }) as const;
const stay = { actions: 'apply' } as const;
const input = ({ context }: { context: Context }) => context;

/** A name may be used again after its volume went: the stream goes on. */
export const chart = given.createMachine({
  id: 'volume',
  context: { volume: kind.table.createRequested.example.volume, createdAt: '', mountedBy: [], failure: null },
  initial: 'absent',
  states: {
    absent: { tags: 'gone', on: { 'volume.createRequested': to('creating') } },
    creating: {
      tags: 'brief',
      invoke: { src: 'createVolume', input },
      on: { 'volume.created': to('present'), 'volume.createFailed': to('absent') },
    },
    present: { on: { 'volume.mounted': stay, 'volume.unmounted': stay, 'volume.removeRequested': to('removing') } },
    removing: {
      tags: 'brief',
      invoke: { src: 'removeVolume', input },
      on: { 'volume.removed': to('absent'), 'volume.removeFailed': to('present') },
    },
  },
});
export type VolumeState = SnapshotFrom<typeof chart>['value'];
