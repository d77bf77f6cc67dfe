// machine.ts: the simulated machine: what is left of it when a daemon dies, and what another daemon finds
import type { ImageRecord } from '../../../events/image.ts';
import type { PortMap } from '../../../events/spec.ts';
import type { Exit, LogLine } from '../../world.ts';
import { seededRandom } from './random.ts';
import { virtualClock, type VirtualClock } from './clock.ts';
import type { Random } from '../../world.ts';

export interface SimulatedTask {
  readonly pid: number;
  state: 'created' | 'running' | 'paused' | 'stopped';
  /** When it ends by itself; null: not. */
  endsAt: bigint | null;
  exitCode: number;
  exit: Exit | null;
  output: string;
  readonly signals: string[];
}

/** Everything that outlives a daemon. */
export interface Machine {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly layers: Map<string, string>;
  readonly tasks: Map<string, SimulatedTask>;
  readonly execs: Map<string, SimulatedTask>;
  readonly logs: Map<string, LogLine[]>;
  readonly bridges: Map<string, string>;
  readonly sandboxes: Map<string, { addresses: string[]; ports: PortMap }>;
  readonly images: Map<string, ImageRecord>;
  readonly volumes: Set<string>;
  readonly folders: Set<string>;
  /** False: containerd does not answer. */
  up: boolean;
  nextPid: number;
  /** Called when something about a task changed. */
  readonly watchers: Set<() => void>;
}

export interface MachineOptions {
  readonly seed?: number;
  readonly pace?: 'manual' | 'real';
}

export function simulatedMachine({ seed = 1, pace = 'manual' }: MachineOptions = {}): Machine {
  return {
    clock: virtualClock({ pace }), random: seededRandom(seed), layers: new Map(), tasks: new Map(), execs: new Map(), logs: new Map(), bridges: new Map(),
    sandboxes: new Map(), images: new Map(), volumes: new Set(), folders: new Set(['/', '/tmp', '/etc']), up: true, nextPid: 1000, watchers: new Set(),
  };
}

/** Ends a task; its exit is kept until somebody deletes the task. */
export function endTask(machine: Machine, task: SimulatedTask, exitCode: number): void {
  if (task.state === 'stopped') return;
  task.state = 'stopped';
  task.exit = { exitCode, finishedAt: machine.clock.now(), oomKilled: false };
  for (const watcher of [...machine.watchers]) watcher();
}

/** Time did its work: a running task whose time has come ends. The shim does that, whether a daemon lives or not. */
export function runTask(machine: Machine, task: SimulatedTask): void {
  if (task.endsAt === null) return;
  void machine.clock.until(task.endsAt, new AbortController().signal).then(() => endTask(machine, task, task.exitCode));
}
