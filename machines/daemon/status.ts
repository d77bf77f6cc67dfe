// status.ts: a daemon's state in words for people
import type { Context, DaemonState } from './chart.ts';
import { stepOf } from './step.ts';

export function daemonStatus(state: DaemonState, context: Context): string {
  const step = stepOf(state);
  if (step) return `starting: ${step}`;
  if (state === 'failed' && context.failure) return `failed to start: ${context.failure.step}: ${context.failure.message}`;
  return state;
}
