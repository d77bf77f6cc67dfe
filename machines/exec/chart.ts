// chart.ts: what may happen to a command executed inside a container
import { assign, setup, type SnapshotFrom } from 'xstate';
import { exec as kind, type ExecFact, type ExecSpec } from '../../events/exec.ts';
import type { Moved } from '../../events/fact.ts';
import { gap } from '../effect.ts';
import { evolver } from '../evolve.ts';

export interface Context {
  readonly id: string;
  readonly spec: ExecSpec;
  readonly pid: number;
  /** Null while it runs and before. */
  readonly exitCode: number | null;
  /** RFC 3339; when it ended: five minutes later it is forgotten. */
  readonly endedAt: string;
  readonly failure: string | null;
}

const evolve = evolver<ExecFact, Context>({
  'exec.created': (_, { data }) => ({ id: data.id, spec: data.spec }),
  'exec.started': (_, { data }) => ({ pid: data.pid }),
  'exec.startFailed': (_, { data, at }) => ({ exitCode: data.exitCode, failure: data.message, endedAt: at }),
  'exec.exited': (_, { data, at }) => ({ pid: 0, exitCode: data.exitCode, endedAt: at }),
});

const given = setup({
  types: { context: {} as Context, events: {} as Moved<ExecFact>, tags: {} as 'gone' | 'live' },
  actors: { watchExec: gap<Context>(), ensureExec: gap<Context>(), forgetExec: gap<Context>() },
  actions: { apply: assign(({ context, event }) => evolve(context, event)) },
});
const to = <const Target extends string>(target: Target) => ({ target, actions: 'apply' }) as const;
const stay = { actions: 'apply' } as const;
const input = ({ context }: { context: Context }) => context;
const ended = { 'exec.exited': to('ended'), 'exec.startFailed': to('ended') } as const;

export const chart = given.createMachine({
  id: 'exec',
  context: { id: '', spec: kind.table.created.example.spec, pid: 0, exitCode: null, endedAt: '', failure: null },
  initial: 'absent',
  states: {
    absent: { on: { 'exec.created': to('created') } },
    created: { on: { 'exec.startRequested': to('starting'), 'exec.forgotten': to('gone') } },
    starting: { invoke: { src: 'ensureExec', input }, on: { 'exec.started': to('running'), ...ended } },
    running: { tags: 'live', invoke: { src: 'watchExec', input }, on: { ...ended, 'exec.detached': stay } },
    ended: { invoke: { src: 'forgetExec', input }, on: { 'exec.forgotten': to('gone') } },
    gone: { tags: 'gone', type: 'final' },
  },
});
export type ExecState = SnapshotFrom<typeof chart>['value'];
