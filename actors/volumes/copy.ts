// copy.ts: what an image has at a place, copied with owners, modes, links and extended attributes
import { execFile } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A root filesystem as folders on the host, topmost first, whose union it is; `resolve` follows links inside of it. */
export interface RootFilesystem {
  readonly layers: readonly string[];
  /** The path without links, null when there is no folder. */
  resolve(path: string): string | null;
}

const run = promisify(execFile);

/** Fills `target`, an empty folder, with the folder at `path`; nothing to do when there is none. */
export async function copyFolder(root: RootFilesystem, path: string, target: string): Promise<void> {
  const resolved = root.resolve(path);
  if (resolved === null) return;
  // The trailing `/.` copies the folder's own owner and mode too.
  await withUnion(root.layers, (folder) => run('cp', ['-a', `${join(folder, resolved)}/.`, target]));
}

/** Read-only, so that the layers of a container that runs may be looked at as well. */
async function withUnion<T>(layers: readonly string[], work: (folder: string) => Promise<T>): Promise<T> {
  const [only = '/nowhere', ...more] = layers;
  if (more.length === 0) return work(only);
  const folder = mkdtempSync(join(tmpdir(), 'tallyd-union-'));
  await run('mount', ['-t', 'overlay', 'overlay', '-o', `ro,lowerdir=${layers.join(':')}`, folder]);
  try {
    return await work(folder);
  } finally {
    await run('umount', ['-l', folder]);
    rmdirSync(folder);
  }
}
