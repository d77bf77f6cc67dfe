// status.ts: a container's state in Docker's words and booleans
import { never } from '../../events/time.ts';
import type { ContainerState } from './chart.ts';
import type { Context } from './evolve.ts';
import { nextRestart } from './restart.ts';

export type DockerStatus = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

const words: Record<ContainerState, DockerStatus> = {
  absent: 'created',
  preparing: 'created',
  created: 'created',
  starting: 'created',
  running: 'running',
  signalling: 'running',
  pausing: 'running',
  paused: 'paused',
  resuming: 'paused',
  updating: 'running',
  stopping: 'running',
  releasing: 'exited',
  exited: 'exited',
  restarting: 'restarting',
  removing: 'removing',
  dead: 'dead',
  sweeping: 'removing',
  gone: 'removing',
};

/** `starting` and `exited` are told as what it was before when it never ran, `releasing` as what follows. moby: container/state.go StateString */
export function dockerStatus(state: ContainerState, context: Context): DockerStatus {
  if (state === 'starting') return context.run.why === 'restartPolicy' ? 'restarting' : context.run.startedAt === never ? 'created' : 'exited';
  if (state === 'releasing' && nextRestart(context, context.run.exitCode, 0n)) return 'restarting';
  if (state === 'exited' && context.run.startedAt === never) return 'created';
  return words[state];
}

/** Docker's overlapping booleans, all read from the one state. */
export function booleans(status: DockerStatus): { Running: boolean; Paused: boolean; Restarting: boolean; Dead: boolean } {
  return {
    Running: status === 'running' || status === 'paused' || status === 'restarting',
    Paused: status === 'paused',
    Restarting: status === 'restarting',
    Dead: status === 'dead',
  };
}
