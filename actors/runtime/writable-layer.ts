// writable-layer.ts: a container's own layer on its image, and the layer of mount points between them
import { chmodSync, chownSync, closeSync, mkdirSync, openSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ImageRecord } from '../../events/image.ts';
import { type Containerd, isAlreadyExists, isNotFound } from '../containerd/client.ts';
import type { Mount } from '../containerd/messages.ts';
import { containerSnapshot, initSnapshot, rootLabel, snapshotReference, snapshotter } from '../containerd/names.ts';
import { WorldFailure } from '../world.ts';
import { find, layersOf } from './layers.ts';

/** Garbage collection asks for a time as the label's value, and never looks at it. */
const rooted = { [rootLabel]: '2026-01-01T00:00:00Z' };
/** Tells containers' layers from all other snapshots. */
const ownLabel = 'tallyd/container';

/** Gives the mounts of its root filesystem. Costs one call once the image has its layer of mount points. */
export async function makeLayer(containerd: Containerd, id: string, image: ImageRecord): Promise<Mount[]> {
  try {
    return await prepare(containerd, id, image);
  } catch (error) {
    if (isAlreadyExists(error)) return mountsOf(containerd, id);
    if (!isNotFound(error)) throw error;
  }
  await makeMountPoints(containerd, image);
  return prepare(containerd, id, image);
}

const prepare = async (containerd: Containerd, id: string, { chainId }: ImageRecord): Promise<Mount[]> =>
  (await containerd.call('Snapshots.Prepare', {
    snapshotter, key: containerSnapshot(id), parent: initSnapshot(chainId), labels: { ...rooted, [ownLabel]: id },
  })).mounts;

export const mountsOf = async (containerd: Containerd, id: string): Promise<Mount[]> =>
  (await containerd.call('Snapshots.Mounts', { snapshotter, key: containerSnapshot(id) })).mounts;

/** Bytes; 0 when there is no such layer any more. */
export async function layerUsage(containerd: Containerd, id: string): Promise<number> {
  try {
    return Number((await containerd.call('Snapshots.Usage', { snapshotter, key: containerSnapshot(id) })).size);
  } catch (error) {
    if (isNotFound(error)) return 0;
    throw error;
  }
}

export async function removeLayer(containerd: Containerd, id: string): Promise<void> {
  await containerd.call('Snapshots.Remove', { snapshotter, key: containerSnapshot(id) }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}

/** Ids of the containers that have a layer. */
export async function layerOwners(containerd: Containerd): Promise<string[]> {
  const owners: string[] = [];
  for await (const { info } of containerd.stream('Snapshots.List', { snapshotter, filters: [`labels."${ownLabel}"`] })) {
    owners.push(...info.map(({ name }) => name));
  }
  return owners;
}

/** Two containers of one image may do this at once: each under a key of its own, and the first to commit wins. */
async function makeMountPoints(containerd: Containerd, { chainId, id: imageId }: ImageRecord): Promise<void> {
  const name = initSnapshot(chainId);
  const key = `${name}-${makings++}-${process.pid}`;
  try {
    if (chainId) await refer(containerd, chainId, name);
    const { mounts } = await containerd.call('Snapshots.Prepare', { snapshotter, key, parent: chainId, labels: rooted });
    fillMountPoints(mounts);
    // Without an image below nothing refers to it, so it has to stay by itself.
    await containerd.call('Snapshots.Commit', { snapshotter, name, key, labels: chainId ? {} : rooted });
  } catch (error) {
    if (isNotFound(error)) throw new WorldFailure('imageMissing', `No such image: ${imageId}`);
    if (!isAlreadyExists(error)) throw error;
    await containerd.call('Snapshots.Remove', { snapshotter, key });
  }
}
let makings = 0;

/** Without the reference garbage collection would take the mount points away after the last container. */
const refer = (containerd: Containerd, chainId: string, name: string): Promise<object> =>
  containerd.call('Snapshots.Update', {
    snapshotter, info: { name: chainId, labels: { [snapshotReference]: name } }, updateMask: { paths: [`labels.${snapshotReference}`] },
  });

/** moby: daemon/initlayer/setup_unix.go */
const mountPoints: readonly { path: string; kind: 'folder' | 'file' | { link: string } }[] = [
  { path: '/dev/pts', kind: 'folder' },
  { path: '/dev/shm', kind: 'folder' },
  { path: '/proc', kind: 'folder' },
  { path: '/sys', kind: 'folder' },
  { path: '/.dockerenv', kind: 'file' },
  { path: '/etc/resolv.conf', kind: 'file' },
  { path: '/etc/hosts', kind: 'file' },
  { path: '/etc/hostname', kind: 'file' },
  { path: '/dev/console', kind: 'file' },
  { path: '/etc/mtab', kind: { link: '/proc/mounts' } },
];

/** What the image lacks is written into the upper folder: nothing needs to be mounted for that. */
function fillMountPoints(mounts: readonly Mount[]): void {
  const [upper = '', ...lower] = layersOf(mounts);
  const layers = [upper, ...lower];
  for (const { path, kind } of mountPoints) {
    if (find(layers, path)) continue;
    const parent = foldersTo(layers, upper, dirname(path));
    if (parent === null) continue;
    const target = join(parent, path.slice(path.lastIndexOf('/') + 1));
    if (kind === 'folder') mkdirSync(target);
    else if (kind === 'file') closeSync(openSync(target, 'wx'));
    else symlinkSync(kind.link, target);
    // Whatever the umask is.
    if (kind === 'folder' || kind === 'file') chmodSync(target, 0o755);
  }
}

/** The folder in the upper layer that stands for `path`, each made as the image has it. Null where the image has something else. */
function foldersTo(layers: readonly string[], upper: string, path: string): string | null {
  if (path === '/') return upper;
  const above = foldersTo(layers, upper, dirname(path));
  const found = find(layers, path);
  // A link, or a file, where a folder should be: runc will tell, or will follow it.
  if (above === null || (found && (!found.stat.isDirectory() || found.path !== path))) return null;
  const folder = join(above, path.slice(path.lastIndexOf('/') + 1));
  mkdirSync(folder, { recursive: true });
  chownSync(folder, found?.stat.uid ?? 0, found?.stat.gid ?? 0);
  chmodSync(folder, (found?.stat.mode ?? 0o755) & 0o7777);
  return folder;
}
