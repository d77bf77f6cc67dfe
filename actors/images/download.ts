// download.ts: one blob out of a registry: verified, resumed where a connection breaks
import { setTimeout as delay } from 'node:timers/promises';
import { ConnectionError, RegistryError } from '../registry/fault.ts';
import type { Descriptor } from '../registry/manifest.ts';
import { brokenBlob, type Session } from '../registry/session.ts';
import { WorldFailure } from '../world.ts';
import { type Ingest, openIngest } from './blobs.ts';
import { holdBlob } from './lease.ts';
import { meter, type Report, shortDigest, state } from './progress.ts';
import type { Store } from './store.ts';

/** dockerd's `max-download-attempts`. */
const mostAttempts = 5;
const usualRetryDelayMs = 5000;

/** Where from, where to, and who is told. */
export interface Download {
  readonly store: Store;
  readonly session: Session;
  readonly lease: string;
  readonly report: Report;
}

const damaged = ({ digest }: Descriptor): WorldFailure => new WorldFailure('registryFailed', `filesystem layer verification failed for digest ${digest}`);

const isWorthRetrying = (error: unknown): boolean => error instanceof ConnectionError || (error instanceof RegistryError && error.code === 'TOOMANYREQUESTS');

/** From where the ingest is to the end of the blob; a connection that breaks leaves the ingest as far as it came. */
const transfer = async ({ session }: Download, descriptor: Descriptor, target: Ingest, signal: AbortSignal, moved: (bytes: number) => void): Promise<void> => {
  const { body, offset } = await session.blob(descriptor.digest, target.offset, signal);
  if (offset !== target.offset) target.rewind();
  const chunks = (body as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const chunk = await chunks.next().catch((error: unknown) => {
        throw signal.aborted ? signal.reason : brokenBlob(session.endpoint, descriptor.digest, error);
      });
      if (chunk.done === true) break;
      if (target.offset + chunk.value.length > descriptor.size) throw damaged(descriptor);
      await target.write(chunk.value);
      moved(target.offset);
    }
  } finally {
    body.destroy();
  }
  if (target.offset < descriptor.size) throw new ConnectionError('unexpected EOF');
};

/** Drawn as Docker does; what is damaged is not asked for again. */
const download = async (source: Download, descriptor: Descriptor, signal: AbortSignal): Promise<void> => {
  const { store, report, lease } = source;
  const id = shortDigest(descriptor.digest);
  const target = openIngest(store, lease);
  const moved = meter(report, id, 'Downloading', descriptor.size);
  try {
    for (let attempt = 1; target.offset < descriptor.size || attempt === 1; attempt++) {
      try {
        await transfer(source, descriptor, target, signal, moved);
      } catch (error) {
        if (!isWorthRetrying(error) || attempt >= mostAttempts) throw error;
        const pause = attempt * (store.registries.retryDelayMs ?? usualRetryDelayMs);
        state(report, id, `Retrying in ${Math.ceil(pause / 1000)} seconds`);
        await delay(pause, undefined, { signal });
      }
    }
    state(report, id, 'Verifying Checksum');
    await target.commit(descriptor.digest);
  } catch (error) {
    await target.abort();
    throw error instanceof WorldFailure && error.failure.reason === 'invalid' ? damaged(descriptor) : error;
  }
};

/** The blob is there. Two pulls of the same blob take turns, so that it travels once. */
export const fetchBlob = (source: Download, descriptor: Descriptor, signal: AbortSignal): Promise<void> => {
  const { store, report, lease } = source;
  const id = shortDigest(descriptor.digest);
  return store.turns.take(descriptor.digest, signal, async () => {
    if ((await holdBlob(store.containerd, lease, descriptor.digest)) === null) {
      await store.downloads.pass(signal, () => state(report, id, 'Waiting'), () => download(source, descriptor, signal));
    }
    state(report, id, 'Download complete');
  });
};
