// chart.ts: what may happen to a daemon: a state for each step of its start, then its life and its end
import { assign, setup, type SnapshotFrom } from 'xstate';
import type { DaemonFact } from '../../events/daemon.ts';
import type { Moved } from '../../events/fact.ts';
import { evolver } from '../evolve.ts';

export interface Context {
  readonly pid: number;
  readonly version: string;
  /** RFC 3339; of the present run. */
  readonly startedAt: string;
  /** RFC 3339; empty until then. */
  readonly readyAt: string;
  /** Milliseconds that each step of this start took, in order. */
  readonly steps: Readonly<Record<string, number>>;
  /** What the system checks warned of. */
  readonly warnings: readonly string[];
  readonly failure: { readonly step: string; readonly message: string } | null;
  /** Starts that were not preceded by an orderly end. */
  readonly crashes: number;
  /** The last run ended in order. */
  readonly orderly: boolean;
}

const timed = (name: string) => (context: Context, { data }: { data: { tookMs: number } }) => ({ steps: { ...context.steps, [name]: data.tookMs } });

const evolve = evolver<DaemonFact, Context>({
  'daemon.startRequested': ({ crashes, orderly }, { data, at }) => ({
    pid: data.pid, version: data.version, startedAt: at, readyAt: '', steps: {}, warnings: [], failure: null,
    crashes: orderly ? crashes : crashes + 1, orderly: false,
  }),
  'daemon.optionsRead': timed('options'),
  'daemon.rootsMade': timed('roots'),
  'daemon.pidFileWritten': timed('pidFile'),
  'daemon.listening': timed('listeners'),
  'daemon.logOpened': timed('log'),
  'daemon.replayed': timed('replay'),
  'daemon.containerdReady': timed('containerd'),
  'daemon.systemChecked': ({ steps }, { data }) => ({ steps: { ...steps, system: data.tookMs }, warnings: data.warnings }),
  'daemon.networkReady': timed('network'),
  'daemon.reconciled': timed('reconcile'),
  'daemon.ready': (_, { at }) => ({ readyAt: at }),
  'daemon.startFailed': (_, { data }) => ({ failure: data, orderly: true }),
  'daemon.stopped': () => ({ orderly: true }),
});

const given = setup({
  types: { context: {} as Context, events: {} as Moved<DaemonFact>, tags: {} as 'reading' | 'serving' },
  actions: { apply: assign(({ context, event }) => evolve(context, event)) },
});
const to = <const Target extends string>(target: Target) => ({ target, actions: 'apply' }) as const;
const stay = { actions: 'apply' } as const;

/** From any step a start may fail or be called off. */
const ends = { 'daemon.startFailed': to('failed'), 'daemon.shutdownRequested': to('stopping') } as const;

/**
 * A daemon that is killed records no end: its next start is what shows it, so `startRequested` is taken in every state.
 * `reading`: reads are served. `serving`: commands too. What comes before the log is open is recorded once it is.
 */
export const chart = given.createMachine({
  id: 'daemon',
  context: { pid: 0, version: '', startedAt: '', readyAt: '', steps: {}, warnings: [], failure: null, crashes: 0, orderly: true },
  initial: 'off',
  on: {
    'daemon.startRequested': to('.readingOptions'),
    'daemon.faulted': stay,
    'daemon.quarantined': stay,
    'daemon.logRepaired': stay,
  },
  states: {
    off: {},
    readingOptions: { on: { ...ends, 'daemon.optionsRead': to('makingRoots') } },
    makingRoots: { on: { ...ends, 'daemon.rootsMade': to('writingPidFile') } },
    writingPidFile: { on: { ...ends, 'daemon.pidFileWritten': to('openingListeners') } },
    openingListeners: { on: { ...ends, 'daemon.listening': to('openingLog') } },
    openingLog: { on: { ...ends, 'daemon.logOpened': to('replaying') } },
    replaying: { on: { ...ends, 'daemon.replayed': to('reachingContainerd') } },
    reachingContainerd: { tags: 'reading', on: { ...ends, 'daemon.containerdReady': to('checkingSystem') } },
    checkingSystem: { tags: 'reading', on: { ...ends, 'daemon.systemChecked': to('preparingNetwork') } },
    preparingNetwork: { tags: 'reading', on: { ...ends, 'daemon.networkReady': to('reconciling') } },
    reconciling: { tags: 'reading', on: { ...ends, 'daemon.reconciled': to('settling') } },
    settling: { tags: 'reading', on: { ...ends, 'daemon.ready': to('ready') } },
    ready: { tags: ['reading', 'serving'], on: { 'daemon.shutdownRequested': to('stopping'), 'daemon.reloaded': stay } },
    stopping: { tags: 'reading', on: { 'daemon.stopped': to('stopped'), 'daemon.shutdownRequested': stay } },
    stopped: {},
    failed: {},
  },
});
export type DaemonState = SnapshotFrom<typeof chart>['value'];
