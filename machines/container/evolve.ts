// evolve.ts: what each fact changes in what is known of a container; the chart says when it may happen
import type { ContainerFact, StopPlan } from '../../events/container.ts';
import type { Failure } from '../../events/failure.ts';
import type { ContainerSpec, PortMap } from '../../events/spec.ts';
import { never } from '../../events/time.ts';
import { evolver } from '../evolve.ts';

export interface Context {
  readonly id: string;
  readonly name: string;
  /** RFC 3339. */
  readonly createdAt: string;
  /** What was asked at creation, and by updates since. */
  readonly spec: ContainerSpec;
  readonly run: Run;
  /** Remove its anonymous volumes with it. */
  readonly removeVolumes: boolean;
}

/** What changes while a container lives: replaced whole. */
export interface Run {
  readonly pid: number;
  /** Why it was last started. */
  readonly why: 'asked' | 'restartPolicy' | 'restart' | 'daemonStart';
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  readonly failure: Failure | null;
  readonly ports: PortMap;
  /** What a stop that is under way wants; null when nobody stops it. */
  readonly plan: StopPlan | null;
  /** Signals accepted and not yet delivered. */
  readonly signals: readonly string[];
  /** Signals that the stop under way has sent. */
  readonly sent: readonly string[];
  /** Restarts by policy since somebody last started it. */
  readonly restartCount: number;
  /** Milliseconds of the last or the scheduled back-off; 0 before the first. */
  readonly delayMs: number;
  /** RFC 3339; when the scheduled restart is due; empty when there is none. */
  readonly restartAt: string;
  /** Somebody stopped or killed it: `unless-stopped` heeds that when the daemon starts. */
  readonly manuallyStopped: boolean;
  /** This run was killed by hand: its end is no reason to restart it. */
  readonly restartForgone: boolean;
}

export const idle: Run = {
  pid: 0, why: 'asked', startedAt: never, finishedAt: never, exitCode: 0, oomKilled: false, failure: null, ports: {}, plan: null, signals: [], sent: [],
  restartCount: 0, delayMs: 0, restartAt: '', manuallyStopped: false, restartForgone: false,
};

const run = (context: Context, change: Partial<Run>): Partial<Context> => ({ run: { ...context.run, ...change } });
const failed = ({ data }: { data: Failure }) => ({ reason: data.reason, message: data.message });

/** What each fact changes; the chart says when it may happen. */
export const evolve = evolver<ContainerFact, Context>({
  'container.createRequested': (_, { data, at }) => ({ id: data.id, name: data.name, spec: data.spec, createdAt: at }),
  'container.createFailed': (context, event) => run(context, { failure: failed(event) }),
  'container.startRequested': (context, { data }) => {
    const counted = data.why === 'restartPolicy' || data.why === 'daemonStart';
    return run(context, {
      why: data.why, failure: null, plan: null, signals: [], sent: [], restartAt: '', restartForgone: false,
      manuallyStopped: data.why === 'restartPolicy' && context.run.manuallyStopped,
      restartCount: counted ? context.run.restartCount : 0,
      delayMs: counted ? context.run.delayMs : 0,
    });
  },
  'container.started': (context, { data, at }) =>
    run(context, { pid: data.pid, ports: data.ports, startedAt: at, exitCode: 0, oomKilled: false, failure: null }),
  'container.startFailed': (context, event) => run(context, { pid: 0, ports: {}, exitCode: event.data.exitCode, failure: failed(event) }),
  'container.signalRequested': (context, { data }) =>
    run(context, {
      signals: [...context.run.signals, data.signal],
      manuallyStopped: context.run.manuallyStopped || data.manual,
      restartForgone: context.run.restartForgone || data.manual,
    }),
  'container.killed': (context, { data }) => run(context, { signals: context.run.signals.slice(1), sent: [...context.run.sent, data.signal] }),
  'container.signalFailed': (context) => run(context, { signals: context.run.signals.slice(1) }),
  'container.stopRequested': (context, { data }) =>
    run(context, { plan: data, sent: [], manuallyStopped: context.run.manuallyStopped || data.then === 'stay' }),
  'container.exited': (context, { data }) =>
    run(context, { pid: 0, ports: {}, signals: [], exitCode: data.exitCode, finishedAt: data.finishedAt, oomKilled: data.oomKilled }),
  'container.lost': (context, { data }) =>
    run(context, { pid: 0, ports: {}, signals: [], exitCode: data.exitCode, finishedAt: data.finishedAt }),
  'container.stopped': (context) => run(context, { plan: null }),
  'container.restartScheduled': (context, { data }) => run(context, { plan: null, restartAt: data.at, delayMs: data.delayMs, restartCount: data.attempt }),
  'container.restartCancelled': (context) => run(context, { restartAt: '', manuallyStopped: true }),
  'container.updateRequested': ({ spec }, { data }) => ({
    spec: { ...spec, hostConfig: { ...spec.hostConfig, ...data.resources, ...(data.restartPolicy ? { RestartPolicy: data.restartPolicy } : {}) } },
  }),
  'container.renamed': (_, { data }) => ({ name: data.name }),
  'container.removeRequested': (context, { data, at }) => ({
    removeVolumes: data.volumes,
    ...run(context, { plan: { signal: 'SIGKILL', deadline: at, then: 'remove' }, sent: [], restartAt: '' }),
  }),
});
