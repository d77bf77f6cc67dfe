// compression.ts: makes log.1.gz of log.1, apart because few containers ask for it and zlib costs memory
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat, utimes } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** The plain file goes when the compressed one is complete. A failure leaves the plain one, which readers take as well. */
export async function compressFile(path: string): Promise<void> {
  const unfinished = `${path}.gz.part`;
  try {
    const { atime, mtime } = await stat(path);
    await pipeline(createReadStream(path), createGzip(), createWriteStream(unfinished, { mode: 0o640 }));
    // A follower that still has the plain file open knows the compressed one by its time.
    await utimes(unfinished, atime, mtime);
    await rename(unfinished, `${path}.gz`);
    await rm(path);
  } catch {
    await rm(unfinished, { force: true });
  }
}
