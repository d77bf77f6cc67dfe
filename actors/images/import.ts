// import.ts: new images made here: out of a tar, and out of a container's changes
import type { ImageConfig, ImageRecord } from '../../events/image.ts';
import { containerSnapshot, snapshotter } from '../containerd/names.ts';
import { mediaTypes } from '../registry/manifest.ts';
import { type Blob, ingest } from './blobs.ts';
import { decompress } from './compression.ts';
import { withLease } from './lease.ts';
import { assemble, ingestJson, manifestOf } from './record.ts';
import type { Store } from './store.ts';

export type Config = Omit<ImageConfig, 'rootfs'>;
type History = NonNullable<ImageConfig['history']>[number];

/** A tar without entries: a layer that changes nothing, which Docker leaves out. */
const emptyTar = 'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef';

const now = ({ clock }: Store): string => new Date(Number(clock.now() / 1_000_000n)).toISOString();

/** Without a layer's digest the image has the layers of those below alone. */
const finish = async (store: Store, lease: string, config: Config, below: readonly Blob[], diffIds: readonly string[], layer: Blob | null): Promise<ImageRecord> => {
  const layers = layer === null ? below : [...below, layer];
  const rootfs = { type: 'layers', diff_ids: layer === null ? diffIds : [...diffIds, layer.digest] };
  const document = await ingestJson(store, lease, { ...config, rootfs });
  return assemble(store, lease, document, layers, new AbortController().signal);
};

/** `docker import`. The layer is stored as a plain tar: its digest is its diff id. */
export const importTar = (store: Store, tar: AsyncIterable<Uint8Array>, config: Config, comment: string): Promise<ImageRecord> =>
  withLease(store, async (lease) => {
    const layer = await ingest(store, lease, decompress(tar));
    const created = config.created ?? now(store);
    const history: History[] = config.history ?? [{ created, comment }];
    return finish(store, lease, { ...config, created, ...(comment === '' ? {} : { comment }), history }, [], [], layer);
  });

/** What the container has changed, as a blob; null when that is nothing. */
const changes = async ({ containerd, random }: Store, lease: string, containerId: string): Promise<Blob | null> => {
  const key = containerSnapshot(containerId);
  const { info } = await containerd.call('Snapshots.Stat', { snapshotter, key });
  const { mounts: right } = await containerd.call('Snapshots.Mounts', { snapshotter, key });
  const view = `view-${random.hex(16)}`;
  const { mounts: left } = await containerd.call('Snapshots.View', { snapshotter, key: view, parent: info.parent }, { lease });
  try {
    const { diff } = await containerd.call('Diff.Diff', { left, right, mediaType: mediaTypes.ociLayer }, { lease });
    return diff.digest === emptyTar ? null : { digest: diff.digest, size: diff.size };
  } finally {
    await containerd.call('Snapshots.Remove', { snapshotter, key: view }).catch(() => {});
  }
};

const commandOf = ({ container_config: of }: Config): string => ((of as { Cmd?: string[] | null } | undefined)?.Cmd ?? []).join(' ');

/** `docker commit`. */
export const commitContainer = (store: Store, containerId: string, parent: ImageRecord, config: Config): Promise<ImageRecord> =>
  withLease(store, async (lease) => {
    const layer = await changes(store, lease, containerId);
    const { layers } = await manifestOf(store, parent);
    const created = config.created ?? now(store);
    const entry: History = { created, created_by: commandOf(config), author: config.author, comment: config.comment, ...(layer === null ? { empty_layer: true } : {}) };
    const history = [...(parent.config.history ?? []), entry];
    const below = layers.map(({ digest, size }): Blob => ({ digest, size }));
    const image = await finish(store, lease, { ...config, created, history }, below, parent.config.rootfs.diff_ids, layer);
    return { ...image, parent: parent.id };
  });
