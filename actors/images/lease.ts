// lease.ts: what is being made belongs to a lease, so that containerd's garbage collector lets it be
import type { Containerd } from '../containerd/client.ts';
import { isNotFound } from '../containerd/client.ts';
import { snapshotter } from '../containerd/names.ts';
import type { Store } from './store.ts';

/** For a daemon that crashed and is never started again. */
const expiresAfterSeconds = 24n * 60n * 60n;

const prefix = 'tallyd-';

/** Work that a crash of the daemon cut off is not gone on with: what it had made is given up. */
export const forgetUnfinished = async (containerd: Containerd): Promise<void> => {
  const { leases } = await containerd.call('Leases.List', {});
  for (const { id } of leases) if (id.startsWith(prefix)) await containerd.call('Leases.Delete', { id, sync: true });
};

/** Runs the work with a lease. When it fails, what it made is collected at once. */
export const withLease = async <T>({ containerd, clock, random }: Store, work: (lease: string) => Promise<T>): Promise<T> => {
  const id = `${prefix}${random.hex(16)}`;
  const expires = new Date(Number((clock.now() / 1_000_000_000n + expiresAfterSeconds) * 1000n)).toISOString();
  await containerd.call('Leases.Create', { id, labels: { 'containerd.io/gc.expire': expires } });
  let sync = true;
  try {
    const made = await work(id);
    sync = false;
    return made;
  } finally {
    await containerd.call('Leases.Delete', { id, sync }).catch(() => {});
  }
};

const existing = async <T>(asked: Promise<T>): Promise<T | null> => {
  try {
    return await asked;
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
};

/** Holds a blob that may be there already; gives its size, null when it is not there. */
export const holdBlob = async (containerd: Containerd, lease: string, digest: string): Promise<number | null> => {
  await containerd.call('Leases.AddResource', { id: lease, resource: { id: digest, type: 'content' } });
  return (await existing(containerd.call('Content.Info', { digest })))?.info.size ?? null;
};

/** Holds a snapshot that may be there already; gives its labels, null when it is not there. */
export const holdSnapshot = async (containerd: Containerd, lease: string, key: string): Promise<Record<string, string> | null> => {
  await containerd.call('Leases.AddResource', { id: lease, resource: { id: key, type: `snapshots/${snapshotter}` } });
  return (await existing(containerd.call('Snapshots.Stat', { snapshotter, key })))?.info.labels ?? null;
};
