// push.ts: an image into a registry
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import type { ImageRecord } from '../../events/image.ts';
import { accessFailure, ConnectionError } from '../registry/fault.ts';
import { type Descriptor, type Manifest, mediaTypes } from '../registry/manifest.ts';
import { reach } from '../registry/reach.ts';
import { parseReference, type Reference, repositoryName, withDefaultTag } from '../registry/reference.ts';
import type { Session } from '../registry/session.ts';
import { type Credentials, WorldFailure } from '../world.ts';
import { type Blob, ingest, readBlob, readSmallBlob } from './blobs.ts';
import { holdBlob, withLease } from './lease.ts';
import { meter, type Report, shortDigest, state } from './progress.ts';
import { longestDocument, manifestOf } from './record.ts';
import type { Store } from './store.ts';

/** dockerd's `max-upload-attempts`. */
const mostAttempts = 5;
const usualRetryDelayMs = 5000;

export interface Push {
  readonly image: ImageRecord;
  readonly credentials: Credentials | null;
  readonly report: Report;
  readonly signal: AbortSignal;
}

interface Target extends Push {
  readonly store: Store;
  readonly session: Session;
  readonly reference: Reference;
  readonly lease: string;
}

const upload = async ({ store, session, signal }: Target, { digest, size }: Blob, moved: (bytes: number) => void): Promise<void> => {
  const metered = async function* (): AsyncGenerator<Buffer> {
    let current = 0;
    for await (const chunk of readBlob(store.containerd, digest)) {
      yield chunk;
      moved((current += chunk.length));
    }
  };
  for (let attempt = 1; ; attempt++) {
    try {
      return await session.putBlob(digest, size, Readable.from(metered(), { objectMode: false }));
    } catch (error) {
      if (!(error instanceof ConnectionError) || attempt >= mostAttempts) throw error;
      await delay(attempt * (store.registries.retryDelayMs ?? usualRetryDelayMs), undefined, { signal });
    }
  }
};

/** Layers made here are plain tars; registries are given them compressed, the same bytes each time. */
const compressed = async ({ store, lease }: Target, layer: Descriptor): Promise<Descriptor> => {
  if (layer.mediaType !== mediaTypes.ociLayer) return layer;
  const packed = Readable.from(readBlob(store.containerd, layer.digest), { objectMode: false }).compose(createGzip());
  const blob = await ingest(store, lease, packed as AsyncIterable<Buffer>);
  return { mediaType: mediaTypes.ociLayerGzip, ...blob };
};

const pushLayer = (target: Target, layer: Descriptor, id: string): Promise<Descriptor> => {
  const { store, session, report, signal } = target;
  return store.uploads.pass(signal, () => state(report, id, 'Waiting'), async () => {
    const descriptor = await compressed(target, layer);
    return store.turns.take(`push ${session.endpoint.base} ${target.reference.path} ${descriptor.digest}`, signal, async () => {
      const there = await session.hasBlob(descriptor.digest);
      if (!there) await upload(target, descriptor, meter(report, id, 'Pushing', descriptor.size));
      state(report, id, there ? 'Layer already exists' : 'Pushed');
      return descriptor;
    });
  });
};

/** All are waited for, also when one fails: what they read is held by the lease. */
const pushLayers = async (target: Target, { layers }: Manifest): Promise<Descriptor[]> => {
  const { diff_ids: diffIds } = target.image.config.rootfs;
  const idOf = (index: number): string => shortDigest(diffIds[index] ?? '');
  for (const index of layers.keys()) state(target.report, idOf(index), 'Preparing');
  const pushed = await Promise.allSettled(layers.map((layer, index) => pushLayer(target, layer, idOf(index))));
  return pushed.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
};

const pushAll = async (target: Target): Promise<Blob> => {
  const { store, session, image, reference, report, lease } = target;
  await holdBlob(store.containerd, lease, image.manifest);
  const manifest = await manifestOf(store, image);
  const layers = await pushLayers(target, manifest);
  if (!(await session.hasBlob(manifest.config.digest))) await upload(target, manifest.config, () => {});
  const same = layers.every(({ digest }, index) => digest === manifest.layers[index]?.digest);
  const mediaType = same ? (manifest.mediaType ?? mediaTypes.ociManifest) : mediaTypes.ociManifest;
  const bytes = same ? await readSmallBlob(store.containerd, image.manifest, longestDocument) : Buffer.from(JSON.stringify({ ...manifest, mediaType, layers }));
  const tag = reference.tag ?? '';
  const { digest } = await ingest(store, lease, [bytes]);
  await session.putManifest(tag, bytes, mediaType);
  report({ status: `${tag}: digest: ${digest} size: ${bytes.length}` });
  report({ progressDetail: {}, aux: { Tag: tag, Digest: digest, Size: bytes.length } });
  return { digest, size: bytes.length };
};

/** `name` is a full name with a tag. */
export const pushImage = async (store: Store, name: string, push: Push): Promise<Blob> => {
  const reference = withDefaultTag(parseReference(name));
  const { credentials, report, signal } = push;
  if (reference.tag === null) throw new WorldFailure('invalid', 'cannot push a digest reference');
  report({ status: `The push refers to repository [${repositoryName(reference)}]` });
  try {
    signal.throwIfAborted();
    const { session } = await reach(reference, { actions: 'pull,push', credentials, options: store.registries, signal }, async () => null);
    try {
      return await withLease(store, (lease) => pushAll({ ...push, store, session, reference, lease }));
    } finally {
      session.close();
    }
  } catch (error) {
    if (signal.aborted) throw new WorldFailure('other', 'context canceled');
    throw accessFailure(error);
  }
};
