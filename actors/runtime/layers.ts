// layers.ts: looks for files in a root filesystem through its overlay's layers, without mounting it and without ever leaving it
import { constants, closeSync, lstatSync, openSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import type { Mount } from '../containerd/messages.ts';
import { libc } from '../worlds/libc.ts';

/** Folders on the host, topmost first, whose union is the root filesystem. */
export type Layers = readonly string[];

export function layersOf(mounts: readonly Mount[]): Layers {
  const mount = mounts[0];
  if (!mount) return [];
  if (mount.type !== 'overlay') return [mount.source];
  const option = (name: string) => mount.options.find((text) => text.startsWith(`${name}=`))?.slice(name.length + 1);
  const upper = option('upperdir');
  return [...(upper ? [upper] : []), ...(option('lowerdir')?.split(':') ?? [])];
}

/** Linux: MAXSYMLINKS. */
const mostLinks = 40;

/** What is at a path of the union: its kind, where it is on the host, and the path without links. Null: nothing. */
export interface Found {
  readonly stat: Stats;
  readonly hostPath: string;
  readonly path: string;
}

/** Follows symbolic links as a process inside would: an absolute one starts at the root filesystem's own root. */
export function find(layers: Layers, path: string): Found | null {
  let left = partsOf(path);
  let links = 0;
  let here: string[] = [];
  for (let part = left.shift(); part !== undefined; part = left.shift()) {
    if (part === '..') {
      here = here.slice(0, -1);
      continue;
    }
    const found = entry(layers, [...here, part]);
    if (!found) return null;
    if (!found.stat.isSymbolicLink()) {
      here = [...here, part];
      continue;
    }
    if (++links > mostLinks) return null;
    const target = readlinkSync(found.hostPath);
    left = [...partsOf(target), ...left];
    if (target.startsWith('/')) here = [];
  }
  return entry(layers, here);
}

const partsOf = (path: string): string[] => path.split('/').filter((part) => part !== '' && part !== '.');

/** `parts` has no links in it: each layer is asked for as long as all above the entry are folders there. */
function entry(layers: Layers, parts: readonly string[]): Found | null {
  for (const layer of layers) {
    const seen = entryIn(layer, parts);
    if (seen === 'hidden') return null;
    if (seen) return { ...seen, path: `/${parts.join('/')}` };
  }
  return null;
}

function entryIn(layer: string, parts: readonly string[]): { stat: Stats; hostPath: string } | 'hidden' | null {
  let hostPath = layer;
  let stat = lstatSync(hostPath);
  let opaque = false;
  for (const part of parts) {
    if (!stat.isDirectory()) return 'hidden';
    hostPath = `${hostPath}/${part}`;
    const next = lstatSync(hostPath, { throwIfNoEntry: false });
    if (!next) return opaque ? 'hidden' : null;
    if (isWhiteout(next)) return 'hidden';
    opaque ||= next.isDirectory() && isOpaque(hostPath);
    stat = next;
  }
  return { stat, hostPath };
}

/** How overlayfs marks what an upper layer has deleted. */
export const isWhiteout = (stat: Stats): boolean => stat.isCharacterDevice() && stat.rdev === 0;

/** How it marks a folder that replaces those below it instead of joining them. */
export function isOpaque(folder: string): boolean {
  const value = Buffer.alloc(1);
  return libc?.lgetxattr(folder, 'trusted.overlay.opaque', value, 1n) === 1n && value.toString() === 'y';
}

/** Null when there is no such file, or something else than a file. */
export function readText(layers: Layers, path: string): string | null {
  const found = find(layers, path);
  if (!found?.stat.isFile()) return null;
  // A process inside may have put a link in its place since.
  const fd = openSync(found.hostPath, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}
