// record.ts: an image's content as one whole: manifest, config and layers, held by containerd's image of the same id
import type { ImageConfig, ImageRecord } from '../../events/image.ts';
import { isAlreadyExists } from '../containerd/client.ts';
import { contentReference, snapshotReference } from '../containerd/names.ts';
import { type Descriptor, type Manifest, mediaTypes, readManifest, isIndex } from '../registry/manifest.ts';
import { WorldFailure } from '../world.ts';
import { type Blob, ingest, labelBlob, readSmallBlob } from './blobs.ts';
import { layersOf, unpack } from './layers.ts';
import type { Store } from './store.ts';

/** Docker's limits are alike; configs of real images are a few KiB. */
export const longestDocument = 16 * 1024 * 1024;

const diffIdShape = /^sha256:[0-9a-f]{64}$/;

export const parseConfig = (bytes: Buffer): ImageConfig => {
  let config: ImageConfig;
  try {
    config = JSON.parse(bytes.toString()) as ImageConfig;
  } catch {
    throw new WorldFailure('invalid', 'invalid image JSON: not JSON');
  }
  const diffIds: unknown = config?.rootfs?.diff_ids ?? [];
  if (!Array.isArray(diffIds)) throw new WorldFailure('invalid', 'invalid image JSON, no RootFS key');
  // The first of them names a snapshot: nothing else that is in containerd may be named by it.
  const odd: unknown = diffIds.find((id) => typeof id !== 'string' || !diffIdShape.test(id));
  if (odd !== undefined) throw new WorldFailure('invalid', `invalid image JSON: invalid diff ID ${JSON.stringify(odd)}`);
  if (config.os !== undefined && config.os !== '' && config.os !== 'linux') {
    throw new WorldFailure('invalid', `image operating system ${JSON.stringify(config.os)} cannot be used on this platform`);
  }
  return { ...config, rootfs: { type: 'layers', diff_ids: diffIds } };
};

export const readConfig = async ({ containerd }: Store, digest: string): Promise<ImageConfig> =>
  parseConfig(await readSmallBlob(containerd, digest, longestDocument));

/** A document of ours becomes a blob. */
export const ingestJson = (store: Store, lease: string, value: unknown): Promise<Blob> => ingest(store, lease, [Buffer.from(JSON.stringify(value))]);

export interface Parts {
  readonly manifest: string;
  readonly config: Blob;
  readonly layers: readonly Blob[];
}

/** All is in the content store and unpacked: from now on containerd's image holds it. */
export const complete = async (store: Store, parts: Parts, config: ImageConfig, layerSizes: number[], chainId: string): Promise<ImageRecord> => {
  const { containerd } = store;
  const id = parts.config.digest;
  await labelBlob(containerd, id, chainId === '' ? {} : { [snapshotReference]: chainId });
  const references = parts.layers.map(({ digest }, index) => [contentReference(`l.${index}`), digest]);
  await labelBlob(containerd, parts.manifest, { [contentReference('config')]: id, ...Object.fromEntries(references) });
  const { info } = await containerd.call('Content.Info', { digest: parts.manifest });
  const target = { mediaType: mediaTypes.ociManifest, digest: parts.manifest, size: info.size };
  let manifest = parts.manifest;
  try {
    await containerd.call('Images.Create', { image: { name: id, labels: {}, target } });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    manifest = (await containerd.call('Images.Get', { name: id })).image.target.digest;
  }
  return { id, config, manifest, size: layerSizes.reduce((sum, size) => sum + size, 0), layerSizes, chainId };
};

const layerTypes: readonly [magic: string, mediaType: string][] = [
  ['1f8b', mediaTypes.ociLayerGzip],
  ['28b52ffd', mediaTypes.ociLayerZstd],
];

/** By its first bytes: names in archives do not tell. */
const layerType = async ({ containerd }: Store, digest: string): Promise<string> => {
  for await (const { data } of containerd.stream('Content.Read', { digest, size: 4 })) {
    const start = data.toString('hex');
    return layerTypes.find(([magic]) => start.startsWith(magic))?.[1] ?? mediaTypes.ociLayer;
  }
  return mediaTypes.ociLayer;
};

const describe = (mediaType: string, { digest, size }: Blob): Descriptor => ({ mediaType, digest, size });

/** An image out of blobs that are there, under a manifest of our own. */
export const assemble = async (store: Store, lease: string, config: Blob, layers: readonly Blob[], signal: AbortSignal): Promise<ImageRecord> => {
  const read = await readConfig(store, config.digest);
  const stack = layersOf(layers, read.rootfs.diff_ids);
  const sizes: number[] = [];
  for (const layer of stack) sizes.push(await unpack(store, lease, layer, signal));
  const types = await Promise.all(layers.map(({ digest }) => layerType(store, digest)));
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: describe(mediaTypes.ociConfig, config),
    layers: layers.map((layer, index) => describe(types[index] ?? mediaTypes.ociLayer, layer)),
  };
  const { digest } = await ingestJson(store, lease, manifest);
  return complete(store, { manifest: digest, config, layers }, read, sizes, stack.at(-1)?.chainId ?? '');
};

/** The stored manifest of an image that is held. */
export const manifestOf = async ({ containerd }: Store, image: ImageRecord): Promise<Manifest> => {
  const manifest = readManifest(await readSmallBlob(containerd, image.manifest, longestDocument), '');
  if (isIndex(manifest)) throw new WorldFailure('invalid', `${image.manifest} is not the manifest of one image`);
  return manifest;
};
