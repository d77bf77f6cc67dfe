// step.ts: the steps of the daemon's start, in their order, and the state that each is done in
import type { DaemonState } from './chart.ts';

const states = {
  options: 'readingOptions', roots: 'makingRoots', pidFile: 'writingPidFile', listeners: 'openingListeners', log: 'openingLog', replay: 'replaying',
  containerd: 'reachingContainerd', system: 'checkingSystem', network: 'preparingNetwork', reconcile: 'reconciling', ready: 'settling',
} as const satisfies Record<string, DaemonState>;
export type StepName = keyof typeof states;
export const steps = Object.keys(states) as StepName[];

const byState = new Map<DaemonState, StepName>(steps.map((step) => [states[step], step]));
/** Null when no step of a start is under way. */
export const stepOf = (state: DaemonState): StepName | null => byState.get(state) ?? null;
