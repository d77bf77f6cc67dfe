// container-status.ts: a container's state in the words of `docker ps`
import { never } from '../../../events/time.ts';
import { contextOf, stateOf, type Container } from '../../../actors/operations/find-container.ts';
import { partView, type Part } from '../../../actors/roster.ts';
import { dockerStatus, type DockerStatus } from '../../../machines/container/status.ts';
import { humanDuration } from './duration.ts';

export type HealthWord = 'none' | 'starting' | 'healthy' | 'unhealthy';

export const statusOf = (container: Container): DockerStatus => dockerStatus(stateOf(container), contextOf(container));

export function healthOf(container: Container): HealthWord {
  const part = container.parts.get('health');
  return part ? partView(part as Part<'health'>).state : 'none';
}

const since = (time: string, nowMs: number): string => humanDuration((nowMs - Date.parse(time)) / 1000);

/** `Up 5 seconds (healthy)`. moby: container/state.go String */
export function statusText(container: Container, status: DockerStatus, nowMs: number): string {
  const { run } = contextOf(container);
  switch (status) {
    case 'running': {
      const health = healthOf(container);
      const word = health === 'none' ? '' : ` (${health === 'starting' ? 'health: starting' : health})`;
      return `Up ${since(run.startedAt, nowMs)}${word}`;
    }
    case 'paused':
      return `Up ${since(run.startedAt, nowMs)} (Paused)`;
    case 'restarting':
      return `Restarting (${run.exitCode}) ${since(run.finishedAt, nowMs)} ago`;
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
    case 'created':
      return 'Created';
    case 'exited':
      return run.finishedAt === never ? '' : `Exited (${run.exitCode}) ${since(run.finishedAt, nowMs)} ago`;
  }
}
