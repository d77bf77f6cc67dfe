// devices.ts: device nodes inside a container, and which devices its cgroup lets it use
import { lstatSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { Device } from '../../events/spec.ts';
import { WorldFailure } from '../world.ts';
import type { DeviceNode, DeviceRule } from './oci.ts';

const character = (major: number, minor: number, allow = true): DeviceRule => ({ allow, type: 'c', major, minor, access: 'rwm' });

/** Nothing but /dev/{zero,null,urandom,random,tty,console}, and never fuse. moby: oci/defaults.go */
const defaultRules: readonly DeviceRule[] = [
  { allow: false, access: 'rwm' },
  character(1, 5), character(1, 3), character(1, 9), character(1, 8), character(5, 0), character(5, 1),
  character(10, 229, false),
];
const everything: readonly DeviceRule[] = [{ allow: true, access: 'rwm' }];

export interface DeviceWishes {
  /** Of `--gpus` and the like: no driver is known here. */
  readonly requests: readonly object[] | null;
  readonly devices: readonly Device[] | null;
  readonly rules: readonly string[] | null;
  readonly privileged: boolean;
}

export function devicesFor({ requests, devices, rules, privileged }: DeviceWishes): { nodes: DeviceNode[]; rules: DeviceRule[] } {
  if (requests?.[0]) throw noDriver(requests[0]);
  const asked = devices ?? [];
  if (privileged) {
    const others = asked.filter(({ PathOnHost, PathInContainer }) => PathOnHost !== PathInContainer);
    return { nodes: [...nodesBelow('/dev'), ...others.flatMap(nodesOf)], rules: [...everything] };
  }
  const allowed = asked.flatMap((device) => nodesOf(device).map(({ type, major, minor }) => ({
    allow: true, type, major, minor, access: device.CgroupPermissions || 'rwm',
  })));
  return { nodes: asked.flatMap(nodesOf), rules: [...defaultRules, ...allowed, ...(rules ?? []).map(ruleOf)] };
}

function noDriver({ Driver = '', Capabilities = [] }: { Driver?: string; Capabilities?: string[][] }): WorldFailure {
  const wanted = Capabilities.map((all) => `[${all.join(' ')}]`).join(' ');
  return new WorldFailure('invalid', `could not select device driver "${Driver}" with capabilities: [${wanted}]`);
}

/** Numbers of a device out of stat's `rdev`, as glibc's major(3) and minor(3) do. */
export const numbersOf = (rdev: bigint): { major: number; minor: number } => ({
  major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n)),
  minor: Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n)),
});

/** `c 1:* rwm`. */
function ruleOf(text: string): DeviceRule {
  const found = /^([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$/.exec(text);
  if (!found) throw new WorldFailure('invalid', `invalid device cgroup rule format: '${text}'`);
  const [, type = '', major, minor, access = ''] = found;
  return { allow: true, type, major: major === '*' ? -1 : Number(major), minor: minor === '*' ? -1 : Number(minor), access };
}

/** A device, or all devices in a folder. */
function nodesOf({ PathOnHost, PathInContainer }: Device): DeviceNode[] {
  const path = real(PathOnHost);
  const single = nodeAt(path, PathInContainer);
  if (single) return [single];
  const inside = nodesBelow(path, PathInContainer);
  if (inside.length > 0) return inside;
  throw new WorldFailure('invalid', `error gathering device information while adding custom device "${PathOnHost}": not a device node`);
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    throw new WorldFailure('invalid', `error gathering device information while adding custom device "${path}": no such file or directory`);
  }
}

function nodeAt(path: string, seenAs: string): DeviceNode | null {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  const type = stat?.isCharacterDevice() ? 'c' : stat?.isBlockDevice() ? 'b' : null;
  if (!stat || !type) return null;
  return { type, path: seenAs, ...numbersOf(stat.rdev), fileMode: Number(stat.mode & 0o7777n), uid: Number(stat.uid), gid: Number(stat.gid) };
}

/** Made anew for each container, or of other containers' making. runc: libcontainer/devices/device_unix.go */
const foreign = new Set(['pts', 'shm', 'fd', 'mqueue', '.lxc', '.lxd-mounts', '.udev']);

function nodesBelow(folder: string, seenAs = folder): DeviceNode[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const [path, seen] = [join(folder, entry.name), join(seenAs, entry.name)];
    if (entry.isDirectory()) return foreign.has(entry.name) ? [] : nodesBelow(path, seen);
    const node = entry.name === 'console' ? null : nodeAt(path, seen);
    return node ? [node] : [];
  });
}
