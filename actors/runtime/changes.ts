// changes.ts: what a container changed of its image: read off its own layer, which holds nothing else
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Change } from '../world.ts';
import { find, isOpaque, isWhiteout, type Layers } from './layers.ts';

/** Put there by the engine at each start: no doing of the container. moby: daemon/initlayer */
const own: ReadonlySet<string> = new Set(['/dev/console', '/.dockerenv']);

/** `layers`: the container's own one first, the image's below it. Sorted by path. */
export async function changesIn([upper, ...lower]: Layers): Promise<Change[]> {
  const changes: Change[] = [];
  if (upper !== undefined) await walk(upper, lower, '', changes);
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function walk(upper: string, lower: Layers, folder: string, changes: Change[]): Promise<void> {
  for (const name of await readdir(join(upper, folder))) {
    const path = `${folder}/${name}`;
    if (own.has(path)) continue;
    const stat = await lstat(join(upper, path));
    const before = find(lower, path);
    if (isWhiteout(stat)) {
      if (before) changes.push({ path, kind: 'deleted' });
      continue;
    }
    changes.push({ path, kind: before ? 'modified' : 'added' });
    if (stat.isDirectory()) await walk(upper, isOpaque(join(upper, path)) ? [] : lower, path, changes);
  }
}
