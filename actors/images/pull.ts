// pull.ts: an image out of a registry
import type { ImageRecord } from '../../events/image.ts';
import { isNotFound } from '../containerd/client.ts';
import { pullFailure } from '../registry/fault.ts';
import { type Descriptor, isIndex, type Manifest, readManifest } from '../registry/manifest.ts';
import { choosePlatform, sayPlatform } from '../registry/platform.ts';
import { reach } from '../registry/reach.ts';
import { familiarName, familiarRepository, parseReference, type Reference, withDefaultTag } from '../registry/reference.ts';
import type { FetchedManifest, Session } from '../registry/session.ts';
import { type Credentials, type Platform, WorldFailure } from '../world.ts';
import { type Blob, ingest } from './blobs.ts';
import { type Download, fetchBlob } from './download.ts';
import { type Layer, layersOf, unpack, unpackedSize } from './layers.ts';
import { holdBlob, withLease } from './lease.ts';
import { meter, type Report, shortDigest, state } from './progress.ts';
import { complete, longestDocument, readConfig } from './record.ts';
import type { Store } from './store.ts';

/** An index in an index in an index. */
const deepestIndex = 3;

export interface Pull {
  readonly reference: Reference;
  readonly platform: Platform | null;
  readonly credentials: Credentials | null;
  readonly report: Report;
  readonly signal: AbortSignal;
}

interface Chosen extends FetchedManifest {
  readonly manifest: Manifest;
}

interface Source extends Pull, Download {}

const noMatch = (platform: Platform): WorldFailure =>
  new WorldFailure('imageMissing', `no matching manifest for ${sayPlatform(platform)} in the manifest list entries`);

const choose = async (store: Store, session: Session, pull: Pull, fetched: FetchedManifest, depth: number): Promise<Chosen> => {
  const manifest = readManifest(fetched.bytes, fetched.mediaType);
  if (!isIndex(manifest)) return { ...fetched, manifest };
  const platform = pull.platform ?? store.platform;
  const entry = choosePlatform(manifest.manifests, platform, pull.platform !== null);
  if (entry === null || depth === 0) throw noMatch(platform);
  return choose(store, session, pull, await session.manifest(entry.digest), depth - 1);
};

const silent = (): void => {};

const fetchConfig = async (source: Source, { digest, size, mediaType }: Descriptor): Promise<Blob> => {
  if (size > longestDocument) throw new WorldFailure('invalid', `the image's config is longer than ${longestDocument} bytes`);
  await fetchBlob({ ...source, report: silent }, { digest, size, mediaType }, source.signal);
  return { digest, size };
};

/** All layers come at once, and are unpacked in their order as they come. */
const fetchLayers = async (source: Source, descriptors: readonly Descriptor[], layers: readonly Layer[]): Promise<number[]> => {
  const { store, report, lease } = source;
  const all = new AbortController();
  const signal = AbortSignal.any([source.signal, all.signal]);
  const missing = new Map<string, Promise<void>>();
  const sizes: number[] = [];
  for (const layer of layers) {
    const there = (await holdBlob(store.containerd, lease, layer.blob.digest)) !== null && (await unpackedSize(store, lease, layer.chainId)) !== null;
    const id = shortDigest(layer.blob.digest);
    state(report, id, there ? 'Already exists' : 'Pulling fs layer');
    if (!there) missing.set(layer.chainId, Promise.resolve());
  }
  for (const [index, layer] of layers.entries()) {
    const descriptor = descriptors[index];
    if (descriptor === undefined || !missing.has(layer.chainId)) continue;
    const coming = fetchBlob(source, descriptor, signal);
    coming.catch((error: unknown) => all.abort(error));
    missing.set(layer.chainId, coming);
  }
  try {
    for (const layer of layers) sizes.push(await unpackFetched(source, layer, missing.get(layer.chainId), signal));
    return sizes;
  } catch (error) {
    all.abort(error);
    throw error;
  } finally {
    await Promise.allSettled(missing.values());
  }
};

const unpackFetched = async ({ store, lease, report }: Source, layer: Layer, coming: Promise<void> | undefined, signal: AbortSignal): Promise<number> => {
  if (coming === undefined) return unpack(store, lease, layer, signal);
  await coming;
  const id = shortDigest(layer.blob.digest);
  const moved = meter(report, id, 'Extracting', layer.blob.size);
  moved(0);
  const size = await unpack(store, lease, layer, signal);
  moved(layer.blob.size);
  state(report, id, 'Pull complete');
  return size;
};

const isHeld = async ({ containerd }: Store, id: string): Promise<boolean> => {
  try {
    await containerd.call('Images.Get', { name: id });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
};

const fetchImage = async (source: Source, chosen: Chosen, digest: string): Promise<ImageRecord> => {
  const { store, lease, report, reference } = source;
  const { manifest } = chosen;
  const config = await fetchConfig(source, manifest.config);
  const read = await readConfig(store, config.digest);
  const blobs = manifest.layers.map((layer): Blob => ({ digest: layer.digest, size: layer.size }));
  const layers = layersOf(blobs, read.rootfs.diff_ids);
  const held = await isHeld(store, config.digest);
  const sizes = await fetchLayers(source, manifest.layers, layers);
  await ingest(store, lease, [chosen.bytes], chosen.digest);
  source.signal.throwIfAborted();
  const image = await complete(store, { manifest: chosen.digest, config, layers: blobs }, read, sizes, layers.at(-1)?.chainId ?? '');
  report({ status: `Digest: ${digest}` });
  report({ status: `Status: ${held ? 'Image is up to date' : 'Downloaded newer image'} for ${familiarName(reference)}` });
  return image;
};

/** `reference` is a full name with tag or digest. */
export const pullImage = async (store: Store, name: string, rest: Omit<Pull, 'reference'>): Promise<{ image: ImageRecord; digest: string }> => {
  const reference = withDefaultTag(parseReference(name));
  const pull: Pull = { ...rest, reference };
  try {
    pull.signal.throwIfAborted();
    const { credentials, signal } = pull;
    const wanted = reference.digest ?? reference.tag ?? '';
    const access = { actions: 'pull', credentials, options: store.registries, signal } as const;
    const { session, found: fetched } = await reach(reference, access, (asked) => asked.manifest(wanted));
    try {
      pull.report({ status: `Pulling from ${reference.path}`, id: wanted });
      const chosen = await choose(store, session, pull, fetched, deepestIndex);
      const image = await withLease(store, (lease) => fetchImage({ ...pull, store, session, lease }, chosen, fetched.digest));
      return { image, digest: fetched.digest };
    } finally {
      session.close();
    }
  } catch (error) {
    if (pull.signal.aborted) throw new WorldFailure('other', 'context canceled');
    throw pullFailure(error, familiarRepository(reference), familiarName(reference));
  }
};

export const listTags = async (store: Store, repository: string, credentials: Credentials | null, signal: AbortSignal): Promise<string[]> => {
  const reference = parseReference(repository);
  try {
    const { session, found } = await reach(reference, { actions: 'pull', credentials, options: store.registries, signal }, (asked) => asked.tags());
    session.close();
    return found;
  } catch (error) {
    throw pullFailure(error, familiarRepository(reference), familiarName(reference));
  }
};
