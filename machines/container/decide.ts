// decide.ts: which facts a command on a container leads to, or why it is refused
import type { ContainerFact } from '../../events/container.ts';
import { nanoseconds, never, rfc3339 } from '../../events/time.ts';
import { refuse, type Decision } from '../refusal.ts';
import type { ContainerState } from './chart.ts';
import type { ContainerCommand, ContainerReport } from './command.ts';
import type { Context } from './evolve.ts';
import { nextRestart, startsWithDaemon } from './restart.ts';
import { signalNamed } from '../../events/signal.ts';

export interface View {
  readonly state: ContainerState;
  readonly context: Context;
}

type Verdict = Decision<ContainerFact>;
const none = {} as const;
const ignored: Verdict = [];

const stopTimeoutSeconds = 10;
const live: ReadonlySet<ContainerState> = new Set(['running', 'paused', 'stopping']);
const goes: ReadonlySet<ContainerState> = new Set(['removing', 'dead']);

const deadline = (seconds: number, at: bigint) => (seconds < 0 ? null : rfc3339(at + BigInt(Math.round(seconds * 1000)) * 1_000_000n));

function create({ state }: View, command: Extract<ContainerCommand, { name: 'create' }>): Verdict {
  if (state !== 'absent') return refuse('conflict', `container ${command.id} exists already`);
  return [{ type: 'container.createRequested', data: { id: command.id, name: command.containerName, spec: command.spec } }];
}

function start({ state }: View): Verdict {
  if (state === 'paused') return refuse('conflict', 'cannot start a paused container, try unpause instead');
  if (live.has(state) || state === 'restarting') return refuse('notModified', 'container is already running');
  if (goes.has(state)) return refuse('conflict', 'container is marked for removal and cannot be started');
  return [{ type: 'container.startRequested', data: { why: 'asked' } }];
}

type Stop = { signal: string | null; timeoutSeconds: number | null };
function stopFact(context: Context, command: Stop, then: 'stay' | 'restart' | 'shutdown', at: bigint): ContainerFact {
  const { config } = context.spec;
  const seconds = command.timeoutSeconds ?? config.StopTimeout ?? stopTimeoutSeconds;
  const signal = signalNamed(command.signal ?? config.StopSignal ?? '') ?? 'SIGTERM';
  return {
    type: 'container.stopRequested',
    data: { signal, deadline: deadline(seconds, at), then: context.run.plan?.then === 'remove' ? 'remove' : then },
  };
}

function stop({ state, context }: View, command: Stop, at: bigint): Verdict {
  if (state === 'restarting') return [{ type: 'container.restartCancelled', data: none }];
  if (!live.has(state)) return refuse('notModified', 'container is already stopped');
  return [stopFact(context, command, 'stay', at)];
}

function restart(view: View, command: Stop, at: bigint): Verdict {
  if (live.has(view.state)) return [stopFact(view.context, command, 'restart', at)];
  if (goes.has(view.state)) return refuse('conflict', 'container is marked for removal and cannot be started');
  return [{ type: 'container.startRequested', data: { why: 'restart' } }];
}

function kill({ state, context }: View, { signal }: { signal: string }): Verdict {
  if (!live.has(state)) return refuse('conflict', `container ${context.id} is not running`);
  const own = signalNamed(context.spec.config.StopSignal ?? '');
  return [{ type: 'container.signalRequested', data: { signal, manual: signal === 'SIGKILL' || own === null || own === signal } }];
}

function pause({ state, context }: View): Verdict {
  if (state === 'paused') return refuse('conflict', `container ${context.id} is already paused`);
  if (state === 'restarting') return refuse('conflict', `container ${context.id} is restarting, wait until the container is running`);
  if (state !== 'running') return refuse('conflict', `container ${context.id} is not running`);
  return [{ type: 'container.pauseRequested', data: none }];
}

function unpause({ state, context }: View): Verdict {
  if (state !== 'paused') return refuse('failed', `Container ${context.id} is not paused`);
  return [{ type: 'container.unpauseRequested', data: none }];
}

function update({ state }: View, command: Extract<ContainerCommand, { name: 'update' }>): Verdict {
  if (goes.has(state)) return refuse('conflict', 'container is marked for removal and cannot be "update"');
  if (state === 'paused' || state === 'stopping') return refuse('conflict', `container is ${state}: it can be updated when it runs`);
  const data = { resources: command.resources, restartPolicy: command.restartPolicy };
  const asked: ContainerFact = { type: 'container.updateRequested', data };
  return state === 'running' ? [asked] : [asked, { type: 'container.updated', data: none }];
}

function rename({ state, context }: View, { to }: { to: string }): Verdict {
  if (goes.has(state)) return refuse('conflict', 'container is marked for removal and cannot be renamed');
  if (to === context.name) return refuse('invalid', 'Renaming a container with the same name as its current name');
  return [{ type: 'container.renamed', data: { oldName: context.name, name: to } }];
}

function remove({ state, context }: View, { force, volumes }: { force: boolean; volumes: boolean }): Verdict {
  const asked: Verdict = [{ type: 'container.removeRequested', data: { volumes } }];
  if (state === 'removing') return refuse('conflict', `removal of container ${context.id} is already in progress`);
  if (force || !(live.has(state) || state === 'restarting')) return asked;
  const cure = { running: 'stop the container before removing or force remove', paused: 'must be unpaused before removing or force remove' };
  const word = state === 'paused' ? 'paused and' : `${state === 'restarting' ? 'restarting' : 'running'}:`;
  return refuse('conflict', `cannot remove container "${context.name}": container is ${word} ${state === 'paused' ? cure.paused : cure.running}`);
}

function shutDown({ state, context }: View, { timeoutSeconds }: { timeoutSeconds: number | null }, at: bigint): Verdict {
  if (!live.has(state)) return ignored;
  return [stopFact(context, { signal: null, timeoutSeconds }, 'shutdown', at)];
}

function boot({ state, context }: View): Verdict {
  if (state === 'exited') {
    if (context.spec.hostConfig.AutoRemove && context.run.startedAt !== never) return [{ type: 'container.removeRequested', data: { volumes: true } }];
    if (startsWithDaemon(context)) return [{ type: 'container.startRequested', data: { why: 'daemonStart' } }];
  }
  return ignored;
}

const runSeconds = (context: Context, until: bigint): number => {
  const from = nanoseconds(context.run.startedAt);
  return from === null || context.run.startedAt === never ? 0 : Number((until > from ? until - from : 0n) / 1_000_000_000n);
};

/** A container that goes with its run needs no putting away first: the removal does that. */
function afterExit({ context }: View): ContainerFact[] {
  const { plan } = context.run;
  const removal: ContainerFact = { type: 'container.removeRequested', data: { volumes: context.removeVolumes || context.spec.hostConfig.AutoRemove } };
  if (plan) return plan.then === 'remove' ? [removal] : [];
  return context.spec.hostConfig.AutoRemove ? [removal] : [];
}

/** A process may be seen to end before the one who sent it the signal comes to say so: the kill is told first in any case. */
function killsUntold({ state, context: { run } }: View): ContainerFact[] {
  const stop = state === 'stopping' && run.plan && !run.sent.includes(run.plan.signal) && !run.signals.includes(run.plan.signal) ? [run.plan.signal] : [];
  return [...run.signals, ...stop].map((signal) => ({ type: 'container.killed', data: { signal } }));
}

function exited(view: View, report: Extract<ContainerReport, { name: 'reportExited' }>): Verdict {
  const { exitCode, finishedAt, oomKilled } = report;
  const data = { exitCode, finishedAt: rfc3339(finishedAt), oomKilled, runSeconds: runSeconds(view.context, finishedAt) };
  return [...killsUntold(view), { type: 'container.exited', data }, ...afterExit(view)];
}

function lost(view: View, { lastSeenAliveAt }: { lastSeenAliveAt: bigint }, at: bigint): Verdict {
  const data = { exitCode: 255, finishedAt: rfc3339(at), lastSeenAliveAt: rfc3339(lastSeenAliveAt), runSeconds: runSeconds(view.context, lastSeenAliveAt) };
  return [{ type: 'container.lost', data }, ...afterExit(view)];
}

/** What follows once a run is put away: the stop is told, a restart or a removal begins. */
function released({ context }: View, at: bigint): Verdict {
  const { run, spec } = context;
  const facts: ContainerFact[] = [{ type: 'container.released', data: none }];
  if (run.plan) {
    facts.push({ type: 'container.stopped', data: none });
    if (run.plan.then === 'restart') facts.push({ type: 'container.startRequested', data: { why: 'restart' } });
    else if (run.plan.then !== 'shutdown' && spec.hostConfig.AutoRemove) facts.push({ type: 'container.removeRequested', data: { volumes: true } });
    return facts;
  }
  const next = nextRestart(context, run.exitCode, at);
  if (next) {
    const data = { attempt: next.attempt, delayMs: next.delayMs, at: rfc3339(next.at), policy: spec.hostConfig.RestartPolicy.Name, exitCode: run.exitCode };
    facts.push({ type: 'container.restartScheduled', data });
  }
  return facts;
}

function started({ context }: View, report: Extract<ContainerReport, { name: 'reportStarted' }>): Verdict {
  const facts: ContainerFact[] = [{ type: 'container.started', data: { pid: report.pid, ports: report.ports } }];
  if (context.run.why === 'restart') facts.push({ type: 'container.restarted', data: none });
  return facts;
}

function startFailed({ context }: View, report: Extract<ContainerReport, { name: 'reportStartFailed' }>): Verdict {
  const facts: ContainerFact[] = [{ type: 'container.startFailed', data: { ...report.failure, exitCode: report.exitCode } }];
  if (context.spec.hostConfig.AutoRemove) facts.push({ type: 'container.removeRequested', data: { volumes: true } });
  return facts;
}

const bare: Readonly<Partial<Record<ContainerReport['name'], ContainerFact['type']>>> = {
  reportCreated: 'container.created',
  reportOutOfMemory: 'container.outOfMemory',
  reportPaused: 'container.paused',
  reportUnpaused: 'container.unpaused',
  reportUpdated: 'container.updated',
  reportRemoved: 'container.removed',
  reportSwept: 'container.swept',
};

function report(view: View, reported: ContainerReport, at: bigint): Verdict {
  switch (reported.name) {
    case 'reportExited':
      return exited(view, reported);
    case 'reportLost':
      return lost(view, reported, at);
    case 'reportReleased':
      return released(view, at);
    case 'reportStarted':
      return started(view, reported);
    case 'reportStartFailed':
      return startFailed(view, reported);
    case 'reportBackoffOver':
      return [{ type: 'container.startRequested', data: { why: 'restartPolicy' } }];
    case 'reportKilled':
      return [
        { type: 'container.killed', data: { signal: reported.signal } },
        ...(reported.resumed ? [{ type: 'container.unpaused', data: none } as const] : []),
      ];
    case 'reportSignalFailed':
      return [{ type: 'container.signalFailed', data: { signal: reported.signal, ...reported.failure } }];
    case 'reportCreateFailed':
      return [{ type: 'container.createFailed', data: reported.failure }];
    case 'reportPauseFailed':
      return [{ type: 'container.pauseFailed', data: reported.failure }];
    case 'reportUnpauseFailed':
      return [{ type: 'container.unpauseFailed', data: reported.failure }];
    case 'reportUpdateFailed':
      return [{ type: 'container.updateFailed', data: reported.failure }];
    case 'reportRemoveFailed':
      return [{ type: 'container.removeFailed', data: reported.failure }];
    default: {
      const type = bare[reported.name];
      return type ? [{ type, data: none } as ContainerFact] : ignored;
    }
  }
}

/** A report that comes late (the container moved on meanwhile) is refused by the chart, and that is fine. */
export function decide(view: View, command: ContainerCommand | ContainerReport, at: bigint): Verdict {
  if (view.state === 'gone' || view.state === 'sweeping') {
    if (command.name !== 'reportSwept') return refuse('notFound', `No such container: ${view.context.id}`);
  }
  if (view.state === 'absent' && command.name !== 'create') return refuse('notFound', 'No such container');
  switch (command.name) {
    case 'create':
      return create(view, command);
    case 'start':
      return start(view);
    case 'stop':
      return stop(view, command, at);
    case 'restart':
      return restart(view, command, at);
    case 'kill':
      return kill(view, command);
    case 'pause':
      return pause(view);
    case 'unpause':
      return unpause(view);
    case 'update':
      return update(view, command);
    case 'rename':
      return rename(view, command);
    case 'remove':
      return remove(view, command);
    case 'note':
      return [command.fact];
    case 'shutDown':
      return shutDown(view, command, at);
    case 'boot':
      return boot(view);
    default:
      return report(view, command, at);
  }
}
