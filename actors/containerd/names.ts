// names.ts: how the daemon's own things are called inside containerd, agreed between the rooms that use it

/** All that the daemon keeps in containerd is in this namespace. */
export const namespace = 'tallyd';

export const snapshotter = 'overlayfs';

/** A container's writable layer. */
export const containerSnapshot = (containerId: string): string => containerId;

/**
 * Committed, between an image's topmost layer and the writable layers on it: mount points made for the run, so that they show in
 * no diff and no commit. One for all containers of the image; the image's topmost snapshot refers to it (`snapshotReference`), so it
 * goes when that goes.
 */
export const initSnapshot = (chainId: string): string => `${chainId || 'scratch'}-init`;

/** containerd's garbage collector starts at whatever bears this label; its value is a time. */
export const rootLabel = 'containerd.io/gc.root';

/** On content: the snapshot that this config's layers were unpacked to. */
export const snapshotReference = `containerd.io/gc.ref.snapshot.${snapshotter}`;

/** On content: other content that it needs; `suffix` tells several apart. */
export const contentReference = (suffix: string): string => `containerd.io/gc.ref.content.${suffix}`;

/** On a compressed layer: the digest of its tar. */
export const uncompressedLabel = 'containerd.io/uncompressed';

/** On a snapshot: bytes of its layer's tar. */
export const layerSizeLabel = 'tallyd/layer-size';
