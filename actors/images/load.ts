// load.ts: images out of the archives of `docker save`, old and OCI
import type { ImageRecord } from '../../events/image.ts';
import { type Descriptor, isIndex, mediaTypes, readManifest } from '../registry/manifest.ts';
import { choosePlatform } from '../registry/platform.ts';
import { familiarName, fullName, parseReference, withDefaultTag } from '../registry/reference.ts';
import { WorldFailure } from '../world.ts';
import { type Archive, readArchive } from './archive.ts';
import { type Blob, readSmallBlob } from './blobs.ts';
import { layersOf, unpackedSize } from './layers.ts';
import { withLease } from './lease.ts';
import { meter, type Report, shortDigest } from './progress.ts';
import { assemble, longestDocument, readConfig } from './record.ts';
import type { Store } from './store.ts';

/** One image in an archive, wherever it was listed. */
interface Listed {
  readonly config: Blob;
  readonly layers: readonly Blob[];
  readonly references: readonly string[];
}

export interface Loaded {
  readonly image: ImageRecord;
  readonly references: string[];
}

const invalid = (message: string): WorldFailure => new WorldFailure('invalid', message);

const need = (archive: Archive, name: string): Blob => {
  const blob = archive.blob(name);
  if (blob === null) throw invalid(`invalid archive: ${name} is missing`);
  return blob;
};

const blobName = (digest: string): string => `blobs/${digest.replace(':', '/')}`;

interface DockerEntry {
  Config?: string;
  RepoTags?: string[] | null;
  Layers?: string[] | null;
}

const listDocker = (archive: Archive, entries: unknown): Listed[] => {
  if (!Array.isArray(entries)) throw invalid('invalid archive: manifest.json is not a list');
  return (entries as DockerEntry[]).map(({ Config = '', RepoTags, Layers }) => ({
    config: need(archive, Config),
    layers: (Layers ?? []).map((layer) => need(archive, layer)),
    references: RepoTags ?? [],
  }));
};

/** containerd's and buildkit's annotation first; a bare tag in the other names nothing. */
const referencesOf = ({ annotations = {} }: Descriptor): string[] => {
  const name = annotations['io.containerd.image.name'] ?? annotations['org.opencontainers.image.ref.name'];
  return name !== undefined && /[/:]/.test(name) ? [name] : [];
};

const listOci = async (store: Store, archive: Archive, descriptor: Descriptor, references: string[]): Promise<Listed> => {
  const blob = need(archive, blobName(descriptor.digest));
  const document = readManifest(await readSmallBlob(store.containerd, blob.digest, longestDocument), descriptor.mediaType);
  if (!isIndex(document)) {
    return { config: need(archive, blobName(document.config.digest)), layers: document.layers.map(({ digest }) => need(archive, blobName(digest))), references };
  }
  const there = document.manifests.filter(({ digest }) => archive.blob(blobName(digest)) !== null);
  const entry = choosePlatform(there, store.platform, false) ?? there.find(({ platform }) => platform === undefined);
  if (entry === undefined) throw invalid('invalid archive: no manifest for this platform in the index');
  return listOci(store, archive, entry, references);
};

const list = async (store: Store, archive: Archive): Promise<Listed[]> => {
  const entries = archive.document('manifest.json');
  if (entries !== null) return listDocker(archive, entries);
  const index = archive.document('index.json');
  if (index === null) throw invalid('invalid archive: does not contain a manifest.json');
  const read = readManifest(Buffer.from(JSON.stringify(index)), mediaTypes.ociIndex);
  if (!isIndex(read)) throw invalid('invalid archive: index.json is no index');
  return Promise.all(read.manifests.map((descriptor) => listOci(store, archive, descriptor, referencesOf(descriptor))));
};

/** Drawn for layers that are new here, as Docker does. */
const drawLayers = async (store: Store, lease: string, { config, layers }: Listed, report: Report): Promise<void> => {
  const { rootfs } = await readConfig(store, config.digest);
  for (const { blob, diffId, chainId } of layersOf(layers, rootfs.diff_ids)) {
    if ((await unpackedSize(store, lease, chainId)) === null) meter(report, shortDigest(diffId), 'Loading layer', blob.size)(blob.size);
  }
};

export const loadArchive = (store: Store, tar: AsyncIterable<Uint8Array>, report: Report): Promise<Loaded[]> =>
  withLease(store, async (lease) => {
    const archive = await readArchive(store, lease, tar);
    const loaded: Loaded[] = [];
    for (const listed of await list(store, archive)) {
      const references = listed.references.map((name) => withDefaultTag(parseReference(name)));
      await drawLayers(store, lease, listed, report);
      const image = await assemble(store, lease, listed.config, listed.layers, new AbortController().signal);
      for (const reference of references) report({ stream: `Loaded image: ${familiarName(reference)}\n` });
      if (references.length === 0) report({ stream: `Loaded image ID: ${image.id}\n` });
      loaded.push({ image, references: references.map(fullName) });
    }
    return loaded;
  });
