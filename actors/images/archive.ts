// archive.ts: the files of an archive of images, whose tar may have them in any order
import { posix } from 'node:path';
import { extract, type Header } from 'tar-stream';
import { WorldFailure } from '../world.ts';
import { type Blob, ingest } from './blobs.ts';
import { decompress } from './compression.ts';
import { holdBlob } from './lease.ts';
import { pump } from './pump.ts';
import { longestDocument } from './record.ts';
import type { Store } from './store.ts';

/** Read at once; all other files go to the content store as they come. */
const documentNames = ['manifest.json', 'index.json', 'oci-layout', 'repositories'] as const;
type DocumentName = (typeof documentNames)[number];
const mostFiles = 100_000;
const mostLinks = 8;

export interface Archive {
  /** Parsed; null where the archive has none. */
  document(name: DocumentName): unknown;
  /** By the name in the archive, links followed; null when there is no such file. */
  blob(name: string): Blob | null;
}

/** No name leads out of the archive. */
const tidy = (name: string): string => posix.normalize(`/${name}`).slice(1).replace(/\/$/, '');

const linkTarget = ({ name, type, linkname }: Header): string =>
  tidy(type === 'link' || linkname.startsWith('/') ? linkname : posix.join(posix.dirname(tidy(name)), linkname));

const digestInName = (name: string): string | undefined => {
  const match = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(name);
  return match === null ? undefined : `sha256:${match[1]}`;
};

const collect = async (source: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    length += chunk.length;
    if (length > longestDocument) throw new WorldFailure('invalid', `invalid archive: a document is longer than ${longestDocument} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};

const corrupt = (error: unknown): unknown => {
  if (error instanceof WorldFailure) return error;
  const { message = '' } = error as Error;
  if (/header|tar/i.test(message)) return new WorldFailure('invalid', 'archive/tar: invalid tar header');
  return /end of data|Premature close|Writable stream closed/i.test(message) ? new WorldFailure('invalid', 'unexpected EOF') : error;
};

/** What is there already is not written again. */
const keep = async (store: Store, lease: string, name: string, size: number, body: AsyncIterable<Uint8Array>): Promise<Blob> => {
  const digest = digestInName(name);
  if (digest === undefined || (await holdBlob(store.containerd, lease, digest)) !== size) return ingest(store, lease, body, digest);
  for await (const chunk of body) void chunk;
  return { digest, size };
};

export const readArchive = async (store: Store, lease: string, tar: AsyncIterable<Uint8Array>): Promise<Archive> => {
  const documents = new Map<string, Buffer>();
  const blobs = new Map<string, Blob>();
  const links = new Map<string, string>();
  const entries = extract();
  void pump(decompress(tar), entries);
  try {
    for await (const entry of entries) {
      const { header } = entry;
      const name = tidy(header.name);
      if (blobs.size + links.size > mostFiles) throw new WorldFailure('invalid', `invalid archive: more than ${mostFiles} files`);
      const body = entry as unknown as AsyncIterable<Uint8Array>;
      if (header.type === 'symlink' || header.type === 'link') links.set(name, linkTarget(header));
      if (header.type !== 'file' && header.type !== 'contiguous-file') entry.resume();
      else if ((documentNames as readonly string[]).includes(name)) documents.set(name, await collect(body));
      else blobs.set(name, await keep(store, lease, name, header.size, body));
    }
  } catch (error) {
    entries.destroy();
    throw corrupt(error);
  }
  return {
    document(name) {
      const bytes = documents.get(name);
      if (bytes === undefined) return null;
      try {
        return JSON.parse(bytes.toString());
      } catch {
        throw new WorldFailure('invalid', `invalid archive: ${name} is not JSON`);
      }
    },
    blob(name) {
      let at = tidy(name);
      for (let hops = 0; hops < mostLinks && links.has(at); hops++) at = links.get(at) ?? at;
      return blobs.get(at) ?? null;
    },
  };
};
