// mounts.ts: what is mounted in a container, in the order in which it is
import { existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { HostConfig, MountPoint } from '../../events/spec.ts';
import { WorldFailure } from '../world.ts';
import { find } from './layers.ts';
import type { BindOrMount } from './oci.ts';

/** What every container has. moby: oci/defaults.go */
const standard: readonly BindOrMount[] = [
  { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
  { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'] },
  { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'] },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
  { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['ro', 'nosuid', 'noexec', 'nodev'] },
  { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
  { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: ['nosuid', 'noexec', 'nodev', 'mode=1777'] },
];
/** Stay writable in a container with --read-only. */
const alwaysWritable = new Set(['/proc', '/dev', '/dev/pts', '/dev/shm', '/dev/mqueue']);

export interface MountWishes {
  readonly hostConfig: HostConfig;
  readonly mounts: readonly MountPoint[];
  readonly volumePaths: Readonly<Record<string, string>>;
  /** Host paths of the files made for the run, by destination. */
  readonly files: Readonly<Record<string, string>>;
  /** Host path of a /dev/shm that is shared; null: one of the container's own. */
  readonly sharedMemory: string | null;
  /** Host path of the init process's binary; null: none is asked for. */
  readonly init: string | null;
}
export const initPath = '/sbin/docker-init';

export function mountsFor(wishes: MountWishes): BindOrMount[] {
  const { hostConfig, init } = wishes;
  const asked = askedMounts(wishes);
  const taken = new Set(asked.map(({ destination }) => destination));
  const base = standard.filter(({ destination }) => stands(destination, taken, hostConfig)).map((mount) => adapted(mount, hostConfig));
  const initMount: BindOrMount[] = init ? [{ destination: initPath, type: 'bind', source: init, options: ['bind', 'ro'] }] : [];
  return [...base, ...initMount, ...asked.toSorted((one, other) => depth(one) - depth(other))];
}

const depth = ({ destination }: BindOrMount): number => destination.split('/').filter((part) => part !== '').length;

const stands = (destination: string, taken: ReadonlySet<string>, { IpcMode }: HostConfig): boolean =>
  !taken.has(destination) &&
  !(taken.has('/dev') && destination.startsWith('/dev/')) &&
  !(destination === '/dev/shm' && IpcMode === 'none');

function adapted(mount: BindOrMount, { ShmSize, Privileged, ReadonlyRootfs }: HostConfig): BindOrMount {
  const { destination, options } = mount;
  if (destination === '/dev/shm') return { ...mount, options: [...options, `size=${ShmSize}`] };
  if (Privileged && (destination === '/sys' || mount.type === 'cgroup')) return { ...mount, options: options.filter((option) => option !== 'ro') };
  if (ReadonlyRootfs && !alwaysWritable.has(destination) && !options.includes('ro')) return { ...mount, options: [...options, 'ro'] };
  return mount;
}

function askedMounts({ hostConfig, mounts, volumePaths, files, sharedMemory }: MountWishes): BindOrMount[] {
  const points = mounts.map((point) => pointMount(point, volumePaths));
  const ramDisks = Object.entries(hostConfig.Tmpfs ?? {}).map(([destination, options]) => tmpfs(destination, options.split(',')));
  const named = new Set([...points, ...ramDisks].map(({ destination }) => destination));
  const writable = hostConfig.ReadonlyRootfs ? ['ro'] : [];
  const own = Object.entries({ ...files, ...(sharedMemory && { '/dev/shm': sharedMemory }) })
    .filter(([destination]) => !named.has(destination))
    .map(([destination, source]) => bind(destination, source, ['rbind', ...(destination === '/dev/shm' ? [] : writable), 'rprivate']));
  return [...points, ...ramDisks, ...own];
}

const bind = (destination: string, source: string, options: string[]): BindOrMount => ({ destination, type: 'bind', source, options });

function pointMount(point: MountPoint, volumePaths: Readonly<Record<string, string>>): BindOrMount {
  if (point.type === 'tmpfs') return tmpfs(point.destination, [...(point.tmpfsOptions ?? []), ...(point.readWrite ? [] : ['ro'])]);
  const source = point.type === 'bind' ? bindSource(point) : volumeSource(point, volumePaths);
  const propagation = point.propagation || (point.type === 'bind' ? 'rprivate' : '');
  return bind(point.destination, source, [
    point.nonRecursive ? 'bind' : 'rbind',
    ...(point.readWrite ? [] : ['ro']),
    ...(propagation ? [propagation] : []),
  ]);
}

function bindSource({ source, createSource }: MountPoint): string {
  if (existsSync(source)) return source;
  if (!createSource) throw new WorldFailure('mountSourceMissing', `invalid mount config for type "bind": bind source path does not exist: ${source}`);
  try {
    mkdirSync(source, { recursive: true });
  } catch (error) {
    throw new WorldFailure('mountSourceMissing', `error while creating mount source path '${source}': ${(error as Error).message}`);
  }
  return source;
}

function volumeSource({ name = '', destination, subpath }: MountPoint, volumePaths: Readonly<Record<string, string>>): string {
  const path = volumePaths[destination];
  if (!path) throw new WorldFailure('mountSourceMissing', `volume ${name} is not mounted`);
  if (!subpath) return path;
  const found = find([path], subpath);
  if (!found) throw new WorldFailure('mountSourceMissing', `cannot access path ${join(path, subpath)}: no such file or directory`);
  return found.hostPath;
}

/** Of options that exclude each other the last one counts. moby: sys/mount MergeTmpfsOptions */
const opposites: Readonly<Record<string, string>> = {
  exec: 'exec', noexec: 'exec', suid: 'suid', nosuid: 'suid', dev: 'dev', nodev: 'dev', ro: 'ro', rw: 'ro', sync: 'sync', async: 'sync',
  atime: 'atime', noatime: 'atime', diratime: 'diratime', nodiratime: 'diratime', relatime: 'relatime', norelatime: 'relatime',
  strictatime: 'strictatime', nostrictatime: 'strictatime', mand: 'mand', nomand: 'mand', dirsync: 'dirsync', remount: 'remount',
  private: 'propagation', rprivate: 'propagation', shared: 'propagation', rshared: 'propagation', slave: 'propagation', rslave: 'propagation',
  unbindable: 'propagation', runbindable: 'propagation',
};
const values = new Set(['size', 'mode', 'uid', 'gid', 'nr_inodes', 'nr_blocks', 'mpol']);

function tmpfs(destination: string, asked: readonly string[]): BindOrMount {
  const kept = new Map<string, string>();
  for (const option of ['noexec', 'nosuid', 'nodev', 'rprivate', ...asked.filter((text) => text !== '' && text !== 'defaults')]) {
    const name = opposites[option] ?? (option.includes('=') ? option.split('=')[0] : undefined);
    if (name === undefined || (!opposites[option] && !values.has(name))) throw new WorldFailure('invalid', `invalid tmpfs option ["${option}"]`);
    kept.delete(name);
    kept.set(name, option);
  }
  return { destination, type: 'tmpfs', source: 'tmpfs', options: [...kept.values()] };
}

const sharing: Readonly<Record<string, 'shared' | 'slave'>> = { shared: 'shared', rshared: 'shared', slave: 'slave', rslave: 'slave' };

/**
 * How mounts spread between the container's root and the host, as its bind mounts need it. Empty: runc's default.
 * Rejects a propagation that the source's own mount cannot give.
 */
export function rootPropagation(points: readonly MountPoint[], mountinfo = () => readFileSync('/proc/self/mountinfo', 'utf8')): string {
  const asked = points.filter(({ type, propagation }) => type === 'bind' && sharing[propagation]);
  for (const { source, propagation } of asked) {
    const peers = peersOf(source, mountinfo());
    const wanted = sharing[propagation];
    if (wanted === 'shared' && !peers.shared) throw unshared(source, peers.path, 'a shared mount');
    if (wanted === 'slave' && !peers.shared && !peers.slave) throw unshared(source, peers.path, 'a shared or slave mount');
  }
  const kinds = asked.map(({ propagation }) => sharing[propagation]);
  return kinds.includes('shared') ? 'shared' : kinds.includes('slave') ? 'rslave' : '';
}

const unshared = (source: string, mounted: string, kind: string): WorldFailure =>
  new WorldFailure('invalid', `path ${source} is mounted on ${mounted} but it is not ${kind}`);

/** The mount that a path is on: the longest mount point above it. proc(5): mountinfo */
function peersOf(source: string, mountinfo: string): { path: string; shared: boolean; slave: boolean } {
  const real = realpathSync(source);
  const above = mountinfo.split('\n').map((line) => line.split(' ')).filter(([, , , , point = '']) =>
    point !== '' && (real === point || point === '/' || real.startsWith(`${point}/`)));
  const [, , , , path = '/', , ...rest] = above.toSorted((one, other) => (other[4]?.length ?? 0) - (one[4]?.length ?? 0))[0] ?? [];
  const optional = rest.slice(0, rest.indexOf('-'));
  return { path, shared: optional.some((text) => text.startsWith('shared:')), slave: optional.some((text) => text.startsWith('master:')) };
}
