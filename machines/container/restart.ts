// restart.ts: restart policies with Docker's numbers (moby: restartmanager/restartmanager.go)
import type { Context } from './evolve.ts';
import { nanoseconds, never } from '../../events/time.ts';

const firstDelayMs = 100;
const longestDelayMs = 60_000;
/** A run of this length or longer is a success: the next delay is the first one again. */
const steadyRunNanos = 10_000_000_000n;

/** The policy's answer to an end of the container: when to start it again, or null. */
export function nextRestart(context: Context, exitCode: number, at: bigint): { attempt: number; delayMs: number; at: bigint } | null {
  const { run, spec } = context;
  const { Name: policy, MaximumRetryCount: most } = spec.hostConfig.RestartPolicy;
  if (run.restartForgone || run.plan) return null;
  const wanted =
    policy === 'always' || policy === 'unless-stopped' || (policy === 'on-failure' && exitCode !== 0 && (most === 0 || run.restartCount < most));
  if (!wanted) return null;
  const steady = run.startedAt !== never && at - (nanoseconds(run.startedAt) ?? at) >= steadyRunNanos;
  const delayMs = steady || run.delayMs === 0 ? firstDelayMs : Math.min(run.delayMs * 2, longestDelayMs);
  return { attempt: run.restartCount + 1, delayMs, at: at + BigInt(delayMs) * 1_000_000n };
}

/** Whether a container that is not running starts with the daemon. moby: daemon/daemon.go restore */
export function startsWithDaemon({ run, spec }: Context): boolean {
  if (run.startedAt === never) return false;
  const { Name: policy, MaximumRetryCount: most } = spec.hostConfig.RestartPolicy;
  if (policy === 'always') return true;
  if (policy === 'unless-stopped') return !run.manuallyStopped;
  return policy === 'on-failure' && !run.manuallyStopped && run.exitCode !== 0 && (most === 0 || run.restartCount < most);
}
