// runtime.ts: the door to real containers: containerd, and runc below it
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { release as kernelRelease } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Ulimit } from '../../events/spec.ts';
import type { Containerd } from '../containerd/client.ts';
import type { Mount } from '../containerd/messages.ts';
import { type Clock, type Random, type Runtime, WorldFailure } from '../world.ts';
import { keepAlive } from './alive.ts';
import { ownCapabilities } from './capabilities.ts';
import { watch } from './connection.ts';
import { execsOf } from './execs.ts';
import { changesIn } from './changes.ts';
import { exitsOf } from './exits.ts';
import { figuresOf } from './figures.ts';
import { layersOf } from './layers.ts';
import { outOfMemory } from './out-of-memory.ts';
import { listed } from './processes.ts';
import type { Surroundings } from './spec.ts';
import { folderIn, type Shim, tasksOf } from './tasks.ts';
import { layerOwners, layerUsage, makeLayer, mountsOf, removeLayer } from './writable-layer.ts';

export interface LinuxRuntimeOptions {
  readonly containerd: Containerd;
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Folders to look for programs in: PATH. */
  readonly path?: string;
  /** Beside runc: what `--add-runtime` names. */
  readonly runtimes?: Readonly<Record<string, { path: string }>>;
  readonly defaultRuntime?: string;
  readonly cgroupParent?: string;
  /** For containers that say nothing of their own. */
  readonly init?: boolean;
  readonly initPath?: string;
  readonly noNewPrivileges?: boolean;
  readonly ulimits?: readonly Ulimit[];
}

export interface LinuxRuntime extends Runtime {
  /** Lets go of the connection; containers go on. */
  close(): void;
}

/** Containers that were created and may be started next; of others the mounts are asked for. */
const mostFresh = 64;
const runcShim = 'io.containerd.runc.v2';
const systemFolders = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/libexec/docker';

export function linuxRuntime(options: LinuxRuntimeOptions): LinuxRuntime {
  const { containerd, dataRoot, execRoot, clock, random } = options;
  const surroundings = surroundingsOf(options);
  const runtimes = { [runcShim]: { path: 'runc' }, runc: { path: 'runc' }, ...options.runtimes };
  const freshMounts = new Map<string, Mount[]>();
  const folderOf = (id: string): string => folderIn(dataRoot, id);
  mkdirSync(dataRoot, { recursive: true, mode: 0o711 });

  const oom = outOfMemory(containerd, surroundings.cgroupVersion);
  const connection = watch(containerd, ['/tasks/oom'], oom.hear);
  const alive = keepAlive(dataRoot, clock);
  connection.onLost(alive.gap);
  const exits = exitsOf({ containerd, connection, clock, wasOutOfMemory: oom.happened });

  /** runc's own state is apart for each daemon, as are its containers. */
  function shimFor(asked: string): Shim {
    const name = asked || options.defaultRuntime || 'runc';
    const known = (runtimes as Record<string, { path: string } | undefined>)[name];
    if (known) return { name: runcShim, options: containerd.pack('containerd.runc.v1.Options', { binaryName: known.path, root: join(execRoot, 'runc') }) };
    if (name.startsWith('io.containerd.')) return { name, options: null };
    throw new WorldFailure('runtimeUnknown', `unknown or invalid runtime name: ${name}`);
  }
  const tasks = tasksOf({ containerd, exits, surroundings, shimFor, folderOf, freshMounts, began: oom.begin });

  return {
    prepare: async (id, spec, image) => {
      shimFor(spec.hostConfig.Runtime);
      if (freshMounts.size >= mostFresh) freshMounts.clear();
      freshMounts.set(id, await makeLayer(containerd, id, image));
      mkdirSync(folderOf(id), { recursive: true, mode: 0o710 });
    },
    createTask: tasks.create,
    startTask: tasks.start,
    exit: (id, signal) => exits.of(id, '', signal),
    signal: tasks.signal,
    pause: tasks.pause,
    resume: tasks.resume,
    update: tasks.update,
    resize: async (id, execId, { height, width }) => {
      await containerd.call('Tasks.ResizePty', { containerId: id, execId: execId ?? '', height, width });
    },
    release: tasks.release,
    remove: async (id) => {
      await tasks.release(id);
      await removeLayer(containerd, id);
      freshMounts.delete(id);
      oom.forget(id);
      rmSync(folderOf(id), { recursive: true, force: true });
    },
    tasks: tasks.list,
    usage: (id) => layerUsage(containerd, id),
    figures: async (id) => {
      const [cgroup, pid] = await Promise.all([oom.cgroupOf(id), tasks.pidOf(id)]);
      return cgroup === null || pid === null ? null : figuresOf(cgroup, pid, surroundings.cgroupVersion);
    },
    processes: async (id, args) => {
      const { processes } = await containerd.call('Tasks.ListPids', { containerId: id });
      return listed(args, processes.map(({ pid }) => pid));
    },
    changes: async (id) => changesIn(layersOf(await mountsOf(containerd, id))),
    containers: async () => {
      const [owners, { containers }] = await Promise.all([layerOwners(containerd), containerd.call('Containers.List', {})]);
      return [...new Set([...owners, ...containers.map(({ id }) => id)])];
    },
    execs: execsOf({ containerd, exits, random, folder: join(execRoot, 'execs'), capabilities: surroundings.capabilities }),
    lastAlive: alive.last,
    onOutOfMemory: oom.onKill,
    get up() {
      return connection.up;
    },
    onReconnect: connection.onReconnect,
    runtimes,
    close: () => {
      connection.close();
      alive.close();
    },
  };
}

function surroundingsOf(options: LinuxRuntimeOptions): Surroundings {
  return {
    cgroupVersion: cgroupVersion(),
    cgroupParent: options.cgroupParent || '/tallyd',
    architecture: dockerArchitecture(process.arch),
    kernel: kernelRelease(),
    capabilities: ownCapabilities(),
    init: options.initPath || findProgram(['docker-init', 'tini-static'], options.path),
    defaults: { init: options.init ?? false, noNewPrivileges: options.noNewPrivileges ?? false, ulimits: options.ulimits ?? [] },
  };
}

export const cgroupVersion = (): '1' | '2' => (existsSync('/sys/fs/cgroup/cgroup.controllers') ? '2' : '1');

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' };
/** Node's name of an architecture as Go and Docker have it. */
export const dockerArchitecture = (name: string): string => architectures[name] ?? name;

const findProgram = (names: readonly string[], path = ''): string | null => {
  const folders = [...path.split(delimiter), ...systemFolders.split(':')].filter((folder) => folder !== '');
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((file) => existsSync(file)) ?? null;
};
