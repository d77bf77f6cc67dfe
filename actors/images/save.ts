// save.ts: archives that `docker load` of any version takes: an OCI layout that also has manifest.json and repositories
import { Readable } from 'node:stream';
import { pack, type Pack } from 'tar-stream';
import type { ImageRecord } from '../../events/image.ts';
import type { Descriptor, Manifest } from '../registry/manifest.ts';
import { mediaTypes } from '../registry/manifest.ts';
import { familiarName, familiarRepository, parseReference, type Reference } from '../registry/reference.ts';
import { readBlob } from './blobs.ts';
import { holdBlob, withLease } from './lease.ts';
import { pump } from './pump.ts';
import { manifestOf } from './record.ts';
import type { Store } from './store.ts';

export interface Wanted {
  readonly image: ImageRecord;
  /** Full names. */
  readonly references: readonly string[];
}

interface Described {
  readonly image: ImageRecord;
  readonly manifest: Manifest;
  readonly descriptor: Descriptor;
  readonly references: readonly Reference[];
}

const mtime = new Date(0);
const hex = (digest: string): string => digest.slice(digest.indexOf(':') + 1);
const blobName = (digest: string): string => `blobs/sha256/${hex(digest)}`;
type Header = Parameters<Pack['entry']>[0];

/** Resolves when the entry is in the tar. A tar that is thrown away fails its entries. */
const add = (tar: Pack, header: Header, body: AsyncIterable<Uint8Array> | Buffer | null): Promise<void> =>
  new Promise((resolve, reject) => {
    const done = (error?: Error | null): void => (error ? reject(error) : resolve());
    const full = { mode: body === null ? 0o755 : 0o644, mtime, ...header };
    const sink = Buffer.isBuffer(body) ? tar.entry(full, body, done) : tar.entry(full, done);
    sink.on('error', reject);
    if (body !== null && !Buffer.isBuffer(body)) void pump(body, sink);
  });

const addFolder = (tar: Pack, name: string): Promise<void> => add(tar, { name, type: 'directory' }, null);
const addJson = (tar: Pack, name: string, value: unknown): Promise<void> => add(tar, { name }, Buffer.from(JSON.stringify(value)));

const describe = async (store: Store, { image, references }: Wanted): Promise<Described> => {
  const { info } = await store.containerd.call('Content.Info', { digest: image.manifest });
  const manifest = await manifestOf(store, image);
  const descriptor = { mediaType: manifest.mediaType ?? mediaTypes.ociManifest, digest: image.manifest, size: info.size };
  return { image, manifest, descriptor, references: references.map(parseReference).filter(({ tag }) => tag !== null) };
};

const indexEntries = ({ descriptor, references, image }: Described): Descriptor[] => {
  const platform = { architecture: image.config.architecture, os: image.config.os, variant: image.config.variant };
  if (references.length === 0) return [{ ...descriptor, platform }];
  return references.map((reference) => ({
    ...descriptor,
    platform,
    annotations: {
      'io.containerd.image.name': `${reference.domain}/${reference.path}:${reference.tag}`,
      'org.opencontainers.image.ref.name': reference.tag ?? '',
    },
  }));
};

const dockerEntry = ({ manifest, references }: Described): object => ({
  Config: blobName(manifest.config.digest),
  RepoTags: references.length === 0 ? null : references.map(familiarName),
  Layers: manifest.layers.map(({ digest }) => blobName(digest)),
});

const repositories = (all: readonly Described[]): Record<string, Record<string, string>> => {
  const found: Record<string, Record<string, string>> = {};
  for (const { manifest, references } of all) {
    for (const reference of references) (found[familiarRepository(reference)] ??= {})[reference.tag ?? ''] = hex(manifest.layers.at(-1)?.digest ?? manifest.config.digest);
  }
  return found;
};

const write = async (store: Store, tar: Pack, all: readonly Described[]): Promise<void> => {
  const blobs = new Map<string, number>();
  for (const { descriptor, manifest } of all) {
    for (const { digest, size } of [...manifest.layers, manifest.config, descriptor]) blobs.set(digest, size);
  }
  await addFolder(tar, 'blobs/');
  await addFolder(tar, 'blobs/sha256/');
  for (const [digest, size] of blobs) await add(tar, { name: blobName(digest), size }, readBlob(store.containerd, digest));
  await addJson(tar, 'index.json', { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: all.flatMap(indexEntries) });
  await addJson(tar, 'manifest.json', all.map(dockerEntry));
  await addJson(tar, 'oci-layout', { imageLayoutVersion: '1.0.0' });
  await addJson(tar, 'repositories', repositories(all));
  tar.finalize();
};

/** The archive comes as it is read; the images stay until it was read or thrown away. */
export const saveImages = async (store: Store, wanted: readonly Wanted[]): Promise<Readable> => {
  const all = await Promise.all(wanted.map((one) => describe(store, one)));
  const tar = pack();
  const writing = withLease(store, async (lease) => {
    for (const { image } of all) await holdBlob(store.containerd, lease, image.manifest);
    await write(store, tar, all);
  });
  writing.catch((error: Error) => tar.destroy(error));
  // Whoever reads is told by the reading; a reader that has gone away is told nothing.
  tar.on('error', () => {});
  return Readable.from(tar as AsyncIterable<Uint8Array>, { objectMode: false });
};
