// tasks.ts: a container's process from its making to its putting away
import { join } from 'node:path';
import type { Resources } from '../../events/spec.ts';
import { type Containerd, isAlreadyExists, isNotFound, packJson } from '../containerd/client.ts';
import type { Any, Mount, TaskStatus } from '../containerd/messages.ts';
import { containerSnapshot, snapshotter } from '../containerd/names.ts';
import { WorldFailure, type Run, type Task } from '../world.ts';
import type { Exits } from './exits.ts';
import { runFailure } from './failure.ts';
import { hostnameIn, writeFiles } from './files.ts';
import { layersOf } from './layers.ts';
import { changedResources } from './resources.ts';
import { dropSharedMemory, sharedMemory } from './shared-memory.ts';
import { signalNumber } from './signals.ts';
import { ociSpec, specJson, type Surroundings } from './spec.ts';
import { mountsOf } from './writable-layer.ts';

const specUrl = 'types.containerd.io/opencontainers/runtime-spec/1/Spec';
const resourcesUrl = 'types.containerd.io/opencontainers/runtime-spec/1/LinuxResources';

const states: Readonly<Record<TaskStatus, Task['state']>> = {
  CREATED: 'created', RUNNING: 'running', PAUSED: 'paused', PAUSING: 'paused', STOPPED: 'stopped', UNKNOWN: 'stopped',
};

/** A shim and what it is told: `io.containerd.runc.v2` with runc's own path. */
export interface Shim {
  readonly name: string;
  readonly options: Any | null;
}

export interface TasksOptions {
  readonly containerd: Containerd;
  readonly exits: Exits;
  readonly surroundings: Surroundings;
  readonly shimFor: (runtime: string) => Shim;
  /** Of a container's own files. */
  readonly folderOf: (id: string) => string;
  /** Mounts of a layer that was just made: spares a call. */
  readonly freshMounts: Map<string, Mount[]>;
  /** A run's cgroup is known. */
  readonly began: (id: string, cgroupsPath: string) => void;
}

export function tasksOf({ containerd, exits, surroundings, shimFor, folderOf, freshMounts, began }: TasksOptions) {
  async function get(id: string): Promise<Task | null> {
    try {
      const { process } = await containerd.call('Tasks.Get', { containerId: id });
      return { id, pid: process.pid, state: states[process.status] };
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  }

  /** A task that is there already belongs to this run, even one that has ended: the run before it was released. */
  async function create(run: Run): Promise<Task> {
    const { id, spec: { config, hostConfig }, stdio } = run;
    const shim = shimFor(hostConfig.Runtime);
    const mounts = freshMounts.get(id) ?? (await mountsOf(containerd, id));
    freshMounts.delete(id);
    const folder = folderOf(id);
    const files = writeFiles(folder, run);
    const made = { hostname: hostnameIn(files), layers: layersOf(mounts), files, sharedMemory: sharedMemory(folder, hostConfig, run.join) };
    const spec = ociSpec(run, made, surroundings);
    const packed = { type_url: specUrl, value: Buffer.from(specJson(spec)) };
    const present = await record(id, packed, shim);
    if (present) return present;
    began(id, spec.linux.cgroupsPath);
    try {
      const { pid } = await containerd.call('Tasks.Create', {
        containerId: id,
        rootfs: mounts,
        stdin: stdio.stdin,
        stdout: stdio.stdout,
        stderr: config.Tty ? '' : stdio.stderr,
        terminal: config.Tty,
        ...(shim.options && { options: shim.options }),
      });
      return { id, pid, state: 'created' };
    } catch (error) {
      await forget(id);
      throw runFailure('failed to create task for container', error);
    }
  }

  /** Gives the task that was made before, by a daemon that died since; a record without one is made anew. */
  async function record(id: string, spec: Any, shim: Shim): Promise<Task | null> {
    const container = {
      id, snapshotter, snapshotKey: containerSnapshot(id), spec, runtime: { name: shim.name, ...(shim.options && { options: shim.options }) },
    };
    try {
      await containerd.call('Containers.Create', { container });
      return null;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
    const present = await get(id);
    if (present) return present;
    await containerd.call('Containers.Delete', { id });
    await containerd.call('Containers.Create', { container });
    return null;
  }

  async function start(id: string): Promise<void> {
    try {
      await containerd.call('Tasks.Start', { containerId: id });
    } catch (error) {
      if (isNotFound(error)) throw new WorldFailure('other', `no task to start: ${(error as Error).message}`);
      const task = await get(id);
      if (task && task.state !== 'created') return;
      throw runFailure('failed to start task for container', error);
    }
  }

  async function signal(id: string, name: string): Promise<void> {
    const number = signalNumber(name);
    await containerd.call('Tasks.Kill', { containerId: id, signal: number }).catch((error: unknown) => {
      if (!isNotFound(error) && !/process already finished|no such process/.test(String(error))) throw error;
    });
  }

  /** The wish is fulfilled when the task is in that state, whatever the call said. */
  async function change(id: string, call: 'Tasks.Pause' | 'Tasks.Resume', wanted: Task['state']): Promise<void> {
    try {
      await containerd.call(call, { containerId: id });
    } catch (error) {
      if ((await get(id))?.state !== wanted) throw error;
    }
  }

  async function update(id: string, resources: Partial<Resources>): Promise<void> {
    await containerd.call('Tasks.Update', { containerId: id, resources: packJson(resourcesUrl, changedResources(resources)) }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }

  async function release(id: string): Promise<void> {
    if ((await putAway(id)) !== 'without record') await forget(id);
    exits.forget(id);
    dropSharedMemory(folderOf(id));
  }

  /** Without its record there is no task: containerd looks there first, and says so. */
  async function putAway(id: string): Promise<'without record' | void> {
    try {
      await containerd.call('Tasks.Delete', { containerId: id });
    } catch (error) {
      if (isNotFound(error)) return (error as Error).message.startsWith('container "') ? 'without record' : undefined;
      const task = await get(id);
      if (!task) return;
      if (task.state === 'stopped') throw error;
      // Frozen processes would not die.
      if (task.state === 'paused') await change(id, 'Tasks.Resume', 'running');
      await containerd.call('Tasks.Kill', { containerId: id, signal: signalNumber('SIGKILL'), all: true });
      await exits.of(id, '');
      await containerd.call('Tasks.Delete', { containerId: id });
    }
  }

  const forget = async (id: string): Promise<void> => {
    await containerd.call('Containers.Delete', { id }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  };

  async function list(): Promise<Task[]> {
    const { tasks } = await containerd.call('Tasks.List', {});
    return tasks.map(({ id, pid, status }) => ({ id, pid, state: states[status] }));
  }

  return {
    create, start, signal, update, release, list,
    /** Null when there is no task. */
    pidOf: async (id: string) => (await get(id))?.pid ?? null,
    pause: (id: string) => change(id, 'Tasks.Pause', 'paused'),
    resume: (id: string) => change(id, 'Tasks.Resume', 'running'),
  };
}

/** `<data-root>/containers/<id>`. */
export const folderIn = (dataRoot: string, id: string): string => join(dataRoot, 'containers', id);
