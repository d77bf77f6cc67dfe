// container-mounts.ts: what a creation asks to be mounted, resolved: volumes are found or made
import type { ContainerConfig, HostConfig, MountPoint } from '../../events/spec.ts';
import { cleanPath, complaintAboutTmpfsTargets, isComplaint, parseBind, parseMount, parseVolumesFrom, type Parsed } from '../../machines/container/mount-spec.ts';
import type { Engine } from '../engine.ts';
import { Refused } from '../refused.ts';
import type { Asker } from '../turn.ts';
import { contextOf, findContainer } from './find-container.ts';
import { createVolume, dropVolume, existingVolume } from './volume.ts';

export interface AskedMounts {
  readonly config: ContainerConfig;
  readonly host: HostConfig;
  /** Of an API before 1.44: read-only mounts are not recursive. */
  readonly olderClient: boolean;
}

const sound = (parsed: Parsed): MountPoint => {
  if (isComplaint(parsed)) throw new Refused('invalid', parsed.complaint);
  return parsed.mount;
};

/** dockerd looks at `--mount`s before anything else of a creation. */
export async function checkMounts(engine: Engine, { host, olderClient }: AskedMounts): Promise<void> {
  for (const asked of host.Mounts ?? []) {
    const mount = sound(parseMount(asked, olderClient));
    if (mount.type !== 'bind' || mount.createSource || (await engine.world.host.exists(mount.source))) continue;
    throw new Refused('invalid', `invalid mount config for type "bind": bind source path does not exist: ${mount.source}`);
  }
  const complaint = complaintAboutTmpfsTargets(host.Tmpfs ?? {});
  if (complaint !== null) throw new Refused('invalid', complaint);
}

/** In the order in which later ones replace earlier ones. moby: daemon/volumes.go registerMountPoints */
function gathered(engine: Engine, { host, olderClient }: AskedMounts): Map<string, { mount: MountPoint; labels: Record<string, string>; options: Record<string, string>; driver: string }> {
  const points: ReturnType<typeof gathered> = new Map();
  for (const text of host.VolumesFrom ?? []) {
    const parsed = parseVolumesFrom(text);
    if ('complaint' in parsed) throw new Refused('invalid', parsed.complaint);
    for (const { anonymous: _, ...mount } of contextOf(containerNamed(engine, parsed.reference)).spec.mounts) {
      points.set(mount.destination, plain({ ...mount, readWrite: mount.readWrite && parsed.readWrite, copy: false }));
    }
  }
  const taken = new Set(Object.keys(host.Tmpfs ?? {}).map(cleanPath));
  const add = (point: ReturnType<typeof plain>, duplicate: string) => {
    if (taken.has(point.mount.destination)) throw new Refused('invalid', `Duplicate mount point: ${duplicate}`);
    taken.add(point.mount.destination);
    points.set(point.mount.destination, point);
  };
  for (const bind of host.Binds ?? []) {
    const mount = sound(parseBind(bind, olderClient));
    add({ ...plain(mount), driver: host.VolumeDriver }, mount.destination);
  }
  for (const asked of host.Mounts ?? []) {
    const mount = sound(parseMount(asked, olderClient));
    const { Labels = {}, DriverConfig } = asked.VolumeOptions ?? {};
    add({ mount, labels: Labels ?? {}, options: DriverConfig?.Options ?? {}, driver: DriverConfig?.Name ?? '' }, asked.Target);
  }
  return points;
}

const plain = (mount: MountPoint) => ({ mount, labels: {} as Record<string, string>, options: {} as Record<string, string>, driver: '' });

function containerNamed(engine: Engine, reference: string) {
  try {
    return findContainer(engine.roster, reference);
  } catch (error) {
    // Of a container that is not there dockerd says here that the request is bad.
    throw error instanceof Refused ? new Refused('invalid', error.message) : error;
  }
}

export interface ResolvedMounts {
  readonly mounts: MountPoint[];
  /** Takes back the volumes that were made, when the creation fails after all. */
  undo(): Promise<void>;
}

export async function resolvedMounts(engine: Engine, asked: AskedMounts, asker: Asker): Promise<ResolvedMounts> {
  const points = gathered(engine, asked);
  const tmpfs = new Set(Object.keys(asked.host.Tmpfs ?? {}).map(cleanPath));
  for (const target of Object.keys(asked.config.Volumes ?? {}).map(cleanPath)) {
    if (points.has(target) || tmpfs.has(target)) continue;
    const mount: MountPoint = { type: 'volume', source: '', destination: target, driver: 'local', mode: '', readWrite: true, propagation: '', copy: true, anonymous: true };
    points.set(target, { ...plain(mount), driver: asked.host.VolumeDriver });
  }
  const made: string[] = [];
  const undo = async () => {
    for (const name of made) await dropVolume(engine, name, asker);
  };
  try {
    const mounts: MountPoint[] = [];
    for (const { mount, labels, options, driver } of points.values()) {
      if (mount.type !== 'volume') {
        mounts.push(mount);
        continue;
      }
      const known = mount.name !== undefined && existingVolume(engine, mount.name);
      const { name } = await createVolume(engine, { name: mount.name ?? '', driver, options, labels }, asker);
      if (!known) made.push(name);
      mounts.push({ ...mount, name });
    }
    return { mounts, undo };
  } catch (error) {
    await undo();
    throw error;
  }
}
