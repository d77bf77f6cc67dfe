// chart.ts: what may happen to a container, and what is under way in each state
import { assign, setup, type SnapshotFrom } from 'xstate';
import { exampleSpec, type ContainerFact } from '../../events/container.ts';
import type { Moved } from '../../events/fact.ts';
import { never } from '../../events/time.ts';
import { gap } from '../effect.ts';
import { evolve, idle, type Context } from './evolve.ts';

const given = setup({
  types: { context: {} as Context, events: {} as Moved<ContainerFact>, tags: {} as 'brief' | 'gone' | 'live' },
  actors: {
    prepare: gap<Context>(),
    ensureTask: gap<Context>(),
    watchTask: gap<Context>(),
    deliverSignal: gap<Context>(),
    stopTask: gap<Context>(),
    releaseRun: gap<Context>(),
    awaitRestart: gap<Context>(),
    pauseTask: gap<Context>(),
    resumeTask: gap<Context>(),
    updateTask: gap<Context>(),
    removeRun: gap<Context>(),
    sweep: gap<Context>(),
  },
  actions: { apply: assign(({ context, event }) => evolve(context, event)) },
  guards: {
    stopping: ({ context }) => context.run.plan !== null,
  },
});

const input = ({ context }: { context: Context }) => context;
const to = <const Target extends string>(target: Target) => ({ target, actions: 'apply' }) as const;
const stay = { actions: 'apply' } as const;
/** The state's effects begin again, with what is known now. */
const anew = <const Target extends string>(target: Target) => ({ target, actions: 'apply', reenter: true }) as const;

/** Noted of a container whose process lives, with no change of state. */
const liveNotes = { 'container.resized': stay, 'container.topped': stay, 'container.outOfMemory': stay } as const;

/** Noted of any container that exists. */
const notes = {
  'container.renamed': stay,
  'container.attached': stay,
  'container.detached': stay,
  'container.exported': stay,
  'container.committed': stay,
  'container.archivePathRead': stay,
  'container.extractedToDirectory': stay,
} as const;

const ended = { 'container.exited': to('releasing'), 'container.lost': to('releasing') } as const;
const stop = { 'container.stopRequested': to('stopping'), 'container.removeRequested': to('stopping') } as const;
const signal = { 'container.signalRequested': to('signalling') } as const;
const updates = { 'container.updateRequested': stay, 'container.updated': stay } as const;
const atRest = { ...updates, 'container.startRequested': to('starting'), 'container.removeRequested': to('removing') } as const;
const signalled = [{ guard: 'stopping', ...to('stopping') }, to('running')] as const;

/**
 * `brief`: over in a moment; commands from outside wait meanwhile, as they wait for dockerd's lock of a container.
 * `live`: a process of the container exists. `gone`: nothing is left of it but its history.
 */
export const chart = given.createMachine({
  id: 'container',
  context: { id: '', name: '', createdAt: never, spec: exampleSpec, run: idle, removeVolumes: false },
  initial: 'absent',
  states: {
    absent: { on: { 'container.createRequested': to('preparing') } },
    preparing: {
      tags: 'brief',
      invoke: { src: 'prepare', input },
      on: { 'container.created': to('created'), 'container.createFailed': to('sweeping') },
    },
    created: { on: { ...notes, ...atRest } },
    starting: {
      tags: 'brief',
      invoke: { src: 'ensureTask', input },
      on: { ...notes, 'container.started': to('running'), 'container.startFailed': to('exited') },
    },
    running: {
      tags: 'live',
      invoke: { src: 'watchTask', input },
      on: {
        ...notes, ...liveNotes, ...ended, ...stop, ...signal,
        'container.restarted': stay,
        'container.pauseRequested': to('pausing'),
        'container.updateRequested': to('updating'),
      },
    },
    signalling: {
      tags: ['live', 'brief'],
      invoke: [{ src: 'deliverSignal', input }, { src: 'watchTask', input }],
      on: { ...notes, ...liveNotes, ...ended, 'container.killed': [...signalled], 'container.signalFailed': [...signalled] },
    },
    pausing: {
      tags: ['live', 'brief'],
      invoke: [{ src: 'pauseTask', input }, { src: 'watchTask', input }],
      on: { ...notes, ...liveNotes, ...ended, 'container.paused': to('paused'), 'container.pauseFailed': to('running') },
    },
    paused: {
      tags: 'live',
      invoke: [{ src: 'deliverSignal', input }, { src: 'watchTask', input }],
      on: {
        ...notes, ...liveNotes, ...ended, ...stop,
        'container.unpauseRequested': to('resuming'),
        'container.signalRequested': anew('paused'),
        'container.killed': stay,
        'container.signalFailed': stay,
        'container.unpaused': to('running'),
      },
    },
    resuming: {
      tags: ['live', 'brief'],
      invoke: [{ src: 'resumeTask', input }, { src: 'watchTask', input }],
      on: { ...notes, ...liveNotes, ...ended, 'container.unpaused': to('running'), 'container.unpauseFailed': to('paused') },
    },
    updating: {
      tags: ['live', 'brief'],
      invoke: [{ src: 'updateTask', input }, { src: 'watchTask', input }],
      on: { ...notes, ...liveNotes, ...ended, 'container.updated': to('running'), 'container.updateFailed': to('running') },
    },
    stopping: {
      tags: 'live',
      invoke: [{ src: 'stopTask', input }, { src: 'watchTask', input }],
      on: {
        ...notes, ...liveNotes, ...ended,
        'container.stopRequested': anew('stopping'),
        'container.removeRequested': anew('stopping'),
        'container.signalRequested': anew('stopping'),
        'container.killed': stay,
        'container.signalFailed': stay,
      },
    },
    releasing: {
      tags: 'brief',
      invoke: { src: 'releaseRun', input },
      on: { ...notes, 'container.released': to('exited'), 'container.removeRequested': to('removing') },
    },
    exited: {
      on: { ...notes, ...atRest, 'container.stopped': stay, 'container.restartScheduled': to('restarting') },
    },
    restarting: {
      invoke: { src: 'awaitRestart', input },
      on: {
        ...notes, ...updates,
        'container.startRequested': to('starting'),
        'container.restartCancelled': to('exited'),
        'container.removeRequested': to('removing'),
      },
    },
    removing: {
      invoke: { src: 'removeRun', input },
      on: { 'container.removed': to('sweeping'), 'container.removeFailed': to('dead') },
    },
    dead: { on: { 'container.removeRequested': to('removing') } },
    sweeping: {
      tags: 'gone',
      invoke: { src: 'sweep', input },
      on: { 'container.swept': to('gone') },
    },
    gone: { tags: 'gone', type: 'final' },
  },
});

export type ContainerState = SnapshotFrom<typeof chart>['value'];
