// command.ts: what can be asked of a container, and what effects report of it
import type { ContainerFact, StopPlan } from '../../events/container.ts';
import type { Failure } from '../../events/failure.ts';
import type { ContainerSpec, PortMap, Resources, RestartPolicy } from '../../events/spec.ts';

/** Facts that merely note what a client did. */
export type Note = Extract<
  ContainerFact,
  {
    type: `container.${'attached' | 'detached' | 'resized' | 'topped' | 'exported' | 'committed' | 'archivePathRead' | 'extractedToDirectory'}`;
  }
>;

export type ContainerCommand =
  | { name: 'create'; id: string; containerName: string; spec: ContainerSpec }
  | { name: 'start' }
  /** timeoutSeconds: null takes the container's own; negative waits for ever. */
  | { name: 'stop'; signal: string | null; timeoutSeconds: number | null }
  | { name: 'restart'; signal: string | null; timeoutSeconds: number | null }
  | { name: 'kill'; signal: string }
  | { name: 'pause' }
  | { name: 'unpause' }
  | { name: 'update'; resources: Partial<Resources>; restartPolicy: RestartPolicy | null }
  | { name: 'rename'; to: string }
  | { name: 'remove'; force: boolean; volumes: boolean }
  | { name: 'note'; fact: Note }
  /** The daemon shuts down: end it, but remember that nobody asked for that. */
  | { name: 'shutDown'; timeoutSeconds: number | null }
  /** The daemon came up: policies say what starts. */
  | { name: 'boot' };

export type ContainerReport =
  | { name: 'reportCreated' }
  | { name: 'reportCreateFailed'; failure: Failure }
  | { name: 'reportStarted'; pid: number; ports: PortMap }
  | { name: 'reportStartFailed'; failure: Failure; exitCode: number }
  | { name: 'reportKilled'; signal: string; resumed: boolean }
  | { name: 'reportSignalFailed'; signal: string; failure: Failure }
  | { name: 'reportExited'; exitCode: number; finishedAt: bigint; oomKilled: boolean }
  | { name: 'reportLost'; lastSeenAliveAt: bigint }
  | { name: 'reportOutOfMemory' }
  | { name: 'reportReleased' }
  | { name: 'reportBackoffOver' }
  | { name: 'reportPaused' }
  | { name: 'reportPauseFailed'; failure: Failure }
  | { name: 'reportUnpaused' }
  | { name: 'reportUnpauseFailed'; failure: Failure }
  | { name: 'reportUpdated' }
  | { name: 'reportUpdateFailed'; failure: Failure }
  | { name: 'reportRemoved' }
  | { name: 'reportRemoveFailed'; failure: Failure }
  | { name: 'reportSwept' };

export type { StopPlan };
