// linux.ts: the world as it is: containerd, networks, images, volumes and streams of this machine
import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { manageContainerd, type ManagedContainerd } from '../containerd/child.ts';
import { connect, type Containerd } from '../containerd/client.ts';
import { namespace } from '../containerd/names.ts';
import { linuxImages } from '../images/images.ts';
import { forgetUnfinished } from '../images/lease.ts';
import { instanceOf } from '../network/names.ts';
import { linuxNetworks, type LinuxNetworks } from '../network/networks.ts';
import { find, layersOf } from '../runtime/layers.ts';
import { linuxRuntime, type LinuxRuntime } from '../runtime/runtime.ts';
import { mountsOf } from '../runtime/writable-layer.ts';
import { openKeeper, type Keeper } from '../stdio/keeper-client.ts';
import { linuxStdio } from '../stdio/linux.ts';
import { localVolumes } from '../volumes/local.ts';
import { WorldFailure, type Images, type Stdio, type Volumes, type World } from '../world.ts';
import { linuxClock } from './linux/clock.ts';
import { linuxHost } from './linux/host.ts';
import { linuxRandom } from './linux/random.ts';

export interface LinuxWorldOptions {
  readonly dataRoot: string;
  readonly execRoot: string;
  /** Path of the socket of a containerd that somebody else runs; empty: an own one is started. */
  readonly containerd: string;
  /** Path of each runtime beside runc, by name. */
  readonly runtimes: Readonly<Record<string, string>>;
  readonly defaultRuntime: string;
  readonly iptables: boolean;
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  readonly insecureRegistries: readonly string[];
  readonly registryMirrors: readonly string[];
  /** PATH, and the variables that name proxies. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A world whose helpers have to be started before its doors open. */
export interface StartingWorld extends World {
  /** Resolves when containerd and the keeper answer. */
  reach(): Promise<void>;
  /** Sentences on what this machine lacks. */
  check(): Promise<string[]>;
  /** Nothing of this daemon's is left running or mounted. */
  dispose(): Promise<void>;
}

interface Doors {
  readonly managed: ManagedContainerd | null;
  readonly keeper: Keeper;
  readonly runtime: LinuxRuntime;
  readonly stdio: Stdio;
  readonly networks: LinuxNetworks;
  readonly images: Images;
  readonly volumes: Volumes;
}

/** Others may use a foreign containerd as well, other daemons of ours among them. */
const namespaceIn = ({ containerd, execRoot }: LinuxWorldOptions) => (containerd ? `${namespace}-${instanceOf(execRoot)}` : namespace);

const cgroupOf = (execRoot: string) => `tallyd-${instanceOf(execRoot)}`;

/** An empty one is left by the last container: at the top of each hierarchy. One that is in use cannot be removed, and stays. */
function removeCgroup(name: string): void {
  const top = '/sys/fs/cgroup';
  const hierarchies = existsSync(top) ? readdirSync(top).map((hierarchy) => join(top, hierarchy, name)) : [];
  for (const path of [join(top, name), ...hierarchies].filter((each) => existsSync(each))) {
    try {
      rmdirSync(path);
    } catch {
      continue;
    }
  }
}

async function openDoors(options: LinuxWorldOptions, containerd: Containerd, managed: ManagedContainerd | null): Promise<Doors> {
  const { dataRoot, execRoot } = options;
  const clock = linuxClock();
  const runtimes = Object.fromEntries(Object.entries(options.runtimes).map(([name, path]) => [name, { path }]));
  const keeper = await openKeeper(execRoot);
  const closeStdin = async (id: string) => {
    await containerd.call('Tasks.CloseIO', { containerId: id, execId: '', stdin: true });
  };
  const rootOf = async (id: string) => {
    const layers = layersOf(await mountsOf(containerd, id));
    const resolve = (path: string) => {
      const found = find(layers, path);
      return found?.stat.isDirectory() ? found.path : null;
    };
    return { layers, resolve };
  };
  return {
    managed,
    keeper,
    runtime: linuxRuntime({
      containerd, dataRoot, execRoot, clock, random: linuxRandom, path: options.environment['PATH'] ?? '', runtimes, defaultRuntime: options.defaultRuntime,
      cgroupParent: `/${cgroupOf(execRoot)}`,
    }),
    stdio: await linuxStdio({ dataRoot, execRoot, keeper, hostname: hostname(), closeStdin }),
    networks: linuxNetworks({ execRoot, keeper, options: { iptables: options.iptables, dns: { servers: options.dns, search: options.dnsSearch, options: options.dnsOptions } } }),
    images: linuxImages(containerd, {
      clock, random: linuxRandom, architecture: process.arch,
      registries: { mirrors: options.registryMirrors, insecure: options.insecureRegistries, proxies: options.environment },
    }),
    volumes: localVolumes({ dataRoot, rootOf }),
  };
}

/** Nothing is started yet: clock, chance and host are there at once, for the log is read before containerd is reached. */
export function linuxWorld(options: LinuxWorldOptions): StartingWorld {
  let doors: Doors | null = null;
  let containerd: Containerd | null = null;
  const open = (): Doors => {
    if (!doors) throw new WorldFailure('runtimeDown', 'the daemon is starting: containerd is not reached yet');
    return doors;
  };
  const letGo = async () => {
    doors?.runtime.close();
    await doors?.networks.close();
    containerd?.close();
  };
  const host = linuxHost(async () => (await containerd?.call('Version.Version', {})) ?? { version: '', revision: '' }, 'runc');

  return {
    clock: linuxClock(),
    random: linuxRandom,
    host,
    get runtime() {
      return open().runtime;
    },
    get stdio() {
      return open().stdio;
    },
    get networks() {
      return open().networks;
    },
    get images() {
      return open().images;
    },
    get volumes() {
      return open().volumes;
    },
    reach: async () => {
      const managed = options.containerd ? null : await manageContainerd(options);
      containerd = connect(managed?.address ?? options.containerd, namespaceIn(options));
      // A foreign one that is not there is told now, in words, and not by the first container.
      await containerd.call('Version.Version', {});
      await forgetUnfinished(containerd);
      doors = await openDoors(options, containerd, managed);
    },
    check: async () => (await host.info()).warnings,
    close: async () => {
      await letGo();
      doors?.managed?.close();
      doors?.keeper.close();
    },
    shutDown: async () => {
      await letGo();
      await doors?.keeper.end();
      await doors?.managed?.shutDown();
      removeCgroup(cgroupOf(options.execRoot));
    },
    dispose: async () => {
      await doors?.networks.dispose();
    },
  };
}
