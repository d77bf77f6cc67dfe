// local.ts: volumes on this machine: a folder each, with a device mounted on it where its options name one
import { execFile } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { lookup } from 'node:dns/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { VolumeRecord } from '../../events/volume.ts';
import { WorldFailure, type Volumes } from '../world.ts';
import { copyFolder, type RootFilesystem } from './copy.ts';

/** moby: volume/local/local_unix.go */
const known = new Set(['type', 'device', 'o', 'size']);

function check({ name, options }: VolumeRecord): void {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) {
    throw new WorldFailure('invalid', `"${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed`);
  }
  for (const option of Object.keys(options)) if (!known.has(option)) throw new WorldFailure('invalid', `invalid option: "${option}"`);
  if (options['size'] !== undefined) throw new WorldFailure('invalid', 'quota size requested but no quota support');
  if (options['type'] === undefined && options['device'] === undefined && options['o'] === undefined) return;
  for (const needed of ['device', 'type']) if (!options[needed]) throw new WorldFailure('invalid', `missing required option: "${needed}"`);
}

const run = promisify(execFile);

/** The root of a mount is on another device than what is above it. A bind mount of the same file system shows by its folder's number. */
async function isMounted(path: string): Promise<boolean> {
  return run('mountpoint', ['-q', path]).then(() => true, () => false);
}

/** The kernel's NFS takes addresses, not names: moby looks `addr=` up as well. */
async function withAddress(options: string): Promise<string> {
  const name = /(?:^|,)addr=([^,]+)/.exec(options)?.[1];
  if (name === undefined) return options;
  const { address } = await lookup(name);
  return options.replace(`addr=${name}`, `addr=${address}`);
}

async function mountDevice({ name, options }: VolumeRecord, path: string): Promise<void> {
  if (!options['device'] || (await isMounted(path))) return;
  const type = options['type'] ?? '';
  try {
    const flags = await withAddress(options['o'] ?? '');
    await run('mount', [...(type === 'none' || type === 'bind' ? [] : ['-t', type]), ...(flags ? ['-o', flags] : []), options['device'], path]);
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    throw new WorldFailure('other', `error while mounting volume '${name}': failed to mount local volume: ${(stderr || message).trim()}`);
  }
}

export interface VolumesOptions {
  /** `/var/lib/tallyd`. */
  readonly dataRoot: string;
  /** Where a container's root filesystem lies, for what its image brings along. */
  readonly rootOf: (containerId: string) => Promise<RootFilesystem>;
}

export function localVolumes({ dataRoot, rootOf }: VolumesOptions): Volumes {
  const folder = (volume: VolumeRecord) => join(dataRoot, 'volumes', volume.name);
  const path = (volume: VolumeRecord) => join(folder(volume), '_data');
  const unmount = async (volume: VolumeRecord) => {
    if (volume.options['device'] && (await isMounted(path(volume)))) await run('umount', [path(volume)]);
  };
  return {
    path,
    create: async (volume) => {
      check(volume);
      mkdirSync(join(dataRoot, 'volumes'), { recursive: true, mode: 0o701 });
      mkdirSync(folder(volume), { recursive: true, mode: 0o701 });
      mkdirSync(path(volume), { recursive: true, mode: 0o755 });
    },
    mount: async (volume) => {
      // After a boot, or a folder that somebody removed by hand, it is there again.
      mkdirSync(path(volume), { recursive: true, mode: 0o755 });
      await mountDevice(volume, path(volume));
      return path(volume);
    },
    unmount,
    remove: async (volume) => {
      await unmount(volume);
      rmSync(folder(volume), { recursive: true, force: true });
    },
    copyUp: async (volume, containerId, destination) => {
      if (!lstatSync(path(volume)).isDirectory() || readdirSync(path(volume)).length > 0) return;
      await copyFolder(await rootOf(containerId), destination, path(volume));
    },
    usage: async (volume) => {
      const { stdout } = await run('du', ['-s', '--apparent-size', '--block-size=1', path(volume)], { maxBuffer: 1 << 20 });
      return Number.parseInt(stdout, 10) || 0;
    },
  };
}
