// blobs.ts: content in containerd, written and read piece by piece
import type { ServiceError } from '@grpc/grpc-js';
import { type Containerd, ContainerdFailure, isAlreadyExists } from '../containerd/client.ts';
import type { WriteAnswer, WriteRequest } from '../containerd/messages.ts';
import { WorldFailure } from '../world.ts';
import { holdBlob } from './lease.ts';
import type { Store } from './store.ts';

/** containerd takes no message of more than 16 MiB. */
const longestPiece = 1024 * 1024;

export interface Blob {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

/** A blob that is being written. Whoever opens it commits or aborts it. */
export interface Ingest {
  /** Bytes written so far. */
  readonly offset: number;
  write(chunk: Uint8Array): Promise<void>;
  /** What was written is thrown away. */
  rewind(): void;
  /** `expected`: fails with `invalid` when something else was written. */
  commit(expected?: string): Promise<Blob>;
  abort(): Promise<void>;
}

const isWrongDigest = (error: unknown): boolean => error instanceof ContainerdFailure && /unexpected commit (digest|size)/.test(error.message);

export const openIngest = ({ containerd, random }: Store, lease: string): Ingest => {
  const ref = `tallyd-${random.hex(16)}`;
  const pipe = containerd.write({ lease });
  const waiting: PromiseWithResolvers<WriteAnswer>[] = [];
  let offset = 0;
  let failure: Error | null = null;
  let drained: PromiseWithResolvers<void> | null = null;

  const fail = (error: Error): void => {
    failure ??= error;
    for (const { reject } of waiting.splice(0)) reject(failure);
    drained?.reject(failure);
    drained = null;
  };
  pipe.on('data', (answer: WriteAnswer) => waiting.shift()?.resolve(answer));
  pipe.on('error', (error: ServiceError) => fail(new ContainerdFailure(error.code, error.details)));
  pipe.on('end', () => fail(new WorldFailure('runtimeDown', 'containerd ended the writing of a blob')));
  pipe.on('drain', () => {
    drained?.resolve();
    drained = null;
  });

  const send = (request: WriteRequest): { answer: Promise<WriteAnswer>; more: boolean } => {
    if (failure !== null) throw failure;
    const answer = Promise.withResolvers<WriteAnswer>();
    answer.promise.catch(() => {});
    waiting.push(answer);
    return { answer: answer.promise, more: pipe.write(request) };
  };

  const writePiece = async (data: Uint8Array): Promise<void> => {
    const { more } = send({ action: 'WRITE', ref, offset, data });
    offset += data.length;
    if (more) return;
    drained ??= Promise.withResolvers<void>();
    await drained.promise;
  };

  return {
    get offset() {
      return offset;
    },
    async write(chunk) {
      for (let at = 0; at < chunk.length; at += longestPiece) await writePiece(chunk.subarray(at, at + longestPiece));
    },
    // A write at 0 makes containerd cut what it has.
    rewind: () => {
      offset = 0;
    },
    async commit(expected) {
      // An empty write at 0 cuts what a rewound ingest had; it also opens an ingest of an empty blob.
      if (offset === 0) void send({ action: 'WRITE', ref, offset: 0 });
      const { digest } = await send({ action: 'STAT', ref }).answer;
      const wanted = expected ?? digest;
      try {
        await send({ action: 'COMMIT', ref, offset, total: offset, expected: wanted }).answer;
      } catch (error) {
        if (isWrongDigest(error)) throw new WorldFailure('invalid', `content verification failed for digest ${wanted}: got ${digest}`);
        if (!isAlreadyExists(error)) throw error;
        await holdBlob(containerd, lease, wanted);
      }
      pipe.end();
      return { digest: wanted, size: offset };
    },
    async abort() {
      pipe.cancel();
      await containerd.call('Content.Abort', { ref }).catch(() => {});
    },
  };
};

/** Writes all of the source; nothing is left of it when that fails. */
export const ingest = async (
  store: Store,
  lease: string,
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  expected?: string,
  moved: (bytes: number) => void = () => {},
): Promise<Blob> => {
  const target = openIngest(store, lease);
  try {
    for await (const chunk of source) {
      await target.write(chunk);
      moved(target.offset);
    }
    return await target.commit(expected);
  } catch (error) {
    await target.abort();
    throw error;
  }
};

export async function* readBlob(containerd: Containerd, digest: string, size?: number): AsyncGenerator<Buffer> {
  for await (const { data } of containerd.stream('Content.Read', { digest, size })) yield data;
}

/** The whole of a blob that must not be longer than `most` bytes. */
export const readSmallBlob = async (containerd: Containerd, digest: string, most: number): Promise<Buffer> => {
  const { info } = await containerd.call('Content.Info', { digest });
  if (info.size > most) throw new WorldFailure('invalid', `${digest} is longer than ${most} bytes`);
  const chunks: Buffer[] = [];
  for await (const chunk of readBlob(containerd, digest)) chunks.push(chunk);
  return Buffer.concat(chunks);
};

export const labelBlob = async (containerd: Containerd, digest: string, labels: Readonly<Record<string, string>>): Promise<void> => {
  const paths = Object.keys(labels).map((key) => `labels.${key}`);
  if (paths.length > 0) await containerd.call('Content.Update', { info: { digest, labels: { ...labels } }, updateMask: { paths } });
};
