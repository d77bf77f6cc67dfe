// decide.ts: which facts a command to the daemon leads to, or why it is refused
import type { DaemonFact } from '../../events/daemon.ts';
import { refuse, type Decision } from '../refusal.ts';
import type { Context, DaemonState } from './chart.ts';
import { stepOf, type StepName } from './step.ts';

export type DaemonCommand =
  | { name: 'start'; pid: number; version: string; roots: string[] }
  /** `found`: what the step learned beside its time. */
  | { name: 'finishStep'; step: StepName; tookMs: number; found: Found }
  | { name: 'failStep'; message: string }
  | { name: 'shutDown'; signal: string }
  | { name: 'finishShutdown'; tookMs: number }
  | { name: 'note'; fact: Extract<DaemonFact, { type: 'daemon.faulted' | 'daemon.quarantined' | 'daemon.logRepaired' | 'daemon.reloaded' }> };

export interface Found {
  readonly warnings?: string[];
  readonly facts?: number;
  readonly checkpoint?: number;
}

export interface View {
  readonly state: DaemonState;
  readonly context: Context;
}

function finished(step: StepName, tookMs: number, found: Found): DaemonFact {
  if (step === 'replay') return { type: 'daemon.replayed', data: { tookMs, facts: found.facts ?? 0, checkpoint: found.checkpoint ?? -1 } };
  if (step === 'system') return { type: 'daemon.systemChecked', data: { tookMs, warnings: found.warnings ?? [] } };
  return { type: factOf[step], data: { tookMs } };
}
const factOf = {
  options: 'daemon.optionsRead', roots: 'daemon.rootsMade', pidFile: 'daemon.pidFileWritten', listeners: 'daemon.listening', log: 'daemon.logOpened',
  containerd: 'daemon.containerdReady', network: 'daemon.networkReady', reconcile: 'daemon.reconciled', ready: 'daemon.ready',
} as const;

export function decide({ state }: View, command: DaemonCommand): Decision<DaemonFact> {
  const step = stepOf(state);
  switch (command.name) {
    case 'start':
      return [{ type: 'daemon.startRequested', data: { pid: command.pid, version: command.version, roots: command.roots } }];
    case 'finishStep':
      if (step !== command.step) return refuse('conflict', `the daemon is in state ${state}: it cannot have finished the step ${command.step}`);
      return [finished(command.step, command.tookMs, command.found)];
    case 'failStep':
      return step ? [{ type: 'daemon.startFailed', data: { step, message: command.message } }] : refuse('conflict', 'the daemon is not starting');
    case 'shutDown':
      return step || state === 'ready' || state === 'stopping'
        ? [{ type: 'daemon.shutdownRequested', data: { signal: command.signal } }]
        : refuse('conflict', 'the daemon is not running');
    case 'finishShutdown':
      return state === 'stopping' ? [{ type: 'daemon.stopped', data: { tookMs: command.tookMs } }] : refuse('conflict', 'the daemon is not stopping');
    case 'note':
      return [command.fact];
  }
}
