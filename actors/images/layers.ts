// layers.ts: layers become snapshots, each named after all that is below it, so that images share them
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { ContainerdFailure, isAlreadyExists } from '../containerd/client.ts';
import type { Mount } from '../containerd/messages.ts';
import { layerSizeLabel, snapshotter } from '../containerd/names.ts';
import { WorldFailure } from '../world.ts';
import type { Blob } from './blobs.ts';
import { holdSnapshot } from './lease.ts';
import type { Store } from './store.ts';

/** containerd looks into a layer of this type for how it is compressed. */
const anyCompression = 'application/vnd.docker.image.rootfs.diff.tar';

/** OCI image spec, config: Layer ChainID. */
export const chainIds = (diffIds: readonly string[]): string[] => {
  const chain: string[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffId : `sha256:${createHash('sha256').update(`${below} ${diffId}`).digest('hex')}`);
  }
  return chain;
};

const upperFolder = ([mount]: readonly Mount[]): string => {
  if (mount?.type === 'bind') return mount.source;
  return mount?.options.find((option) => option.startsWith('upperdir='))?.slice('upperdir='.length) ?? '';
};

/** Bytes in the files of a layer, each inode once: what Docker calls its size. */
const filesSize = async (folder: string): Promise<number> => {
  const find = spawn('find', [folder, '-xdev', '-type', 'f', '-printf', '%i %s\n'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise<void>((resolve, reject) => find.on('error', reject).on('close', resolve));
  const seen = new Set<string>();
  let size = 0;
  for await (const line of createInterface({ input: find.stdout })) {
    const [inode = '', bytes = '0'] = line.split(' ');
    if (!seen.has(inode)) size += Number(bytes);
    seen.add(inode);
  }
  await ended;
  return size;
};

const isDamage = (message: string): boolean => /archive\/tar|unexpected EOF|gzip|zstd|zlib|flate|invalid header|unsupported compression/i.test(message);
const applyFailure = (error: unknown): unknown =>
  error instanceof ContainerdFailure && isDamage(error.message)
    ? new WorldFailure('invalid', `failed to register layer: ${error.message.replace(/^mount callback failed on \S+: /, '').replace(/: unknown$/, '')}`)
    : error;

export interface Layer {
  readonly blob: Blob;
  readonly diffId: string;
  readonly chainId: string;
  /** Chain id of the layers below; empty for the first. */
  readonly below: string;
}

export const layersOf = (blobs: readonly Blob[], diffIds: readonly string[]): Layer[] => {
  if (blobs.length !== diffIds.length) throw new WorldFailure('invalid', `invalid image: ${blobs.length} layers, but ${diffIds.length} diff IDs`);
  const chain = chainIds(diffIds);
  return blobs.map((blob, index) => ({ blob, diffId: diffIds[index] ?? '', chainId: chain[index] ?? '', below: chain[index - 1] ?? '' }));
};

/** Size of a layer that is unpacked already, null when it is not. */
export const unpackedSize = async ({ containerd }: Store, lease: string, chainId: string): Promise<number | null> => {
  const labels = await holdSnapshot(containerd, lease, chainId);
  if (labels === null) return null;
  const label = labels[layerSizeLabel];
  return label === undefined ? (await containerd.call('Snapshots.Usage', { snapshotter, key: chainId })).size : Number(label);
};

const extract = async (store: Store, lease: string, layer: Layer, signal?: AbortSignal): Promise<number> => {
  const { containerd, random } = store;
  const key = `extract-${random.hex(16)}`;
  const how = { lease, signal };
  const { mounts } = await containerd.call('Snapshots.Prepare', { snapshotter, key, parent: layer.below }, how);
  try {
    const { applied } = await containerd.call('Diff.Apply', { diff: { mediaType: anyCompression, ...layer.blob }, mounts }, how);
    if (applied.digest !== layer.diffId) {
      throw new WorldFailure('invalid', `invalid diffID for layer: expected ${JSON.stringify(layer.diffId)}, got ${JSON.stringify(applied.digest)}`);
    }
    const size = await filesSize(upperFolder(mounts));
    await containerd.call('Snapshots.Commit', { snapshotter, name: layer.chainId, key, labels: { [layerSizeLabel]: String(size) } }, how);
    return size;
  } catch (error) {
    await containerd.call('Snapshots.Remove', { snapshotter, key }).catch(() => {});
    const size = isAlreadyExists(error) ? await unpackedSize(store, lease, layer.chainId) : null;
    if (size === null) throw applyFailure(error);
    return size;
  }
};

/** The layer is unpacked on those below it, which are there already; gives the bytes in its files. */
export const unpack = (store: Store, lease: string, layer: Layer, signal: AbortSignal): Promise<number> =>
  store.turns.take(layer.chainId, signal, async () => (await unpackedSize(store, lease, layer.chainId)) ?? extract(store, lease, layer, signal));
