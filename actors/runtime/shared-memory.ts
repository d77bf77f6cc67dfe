// shared-memory.ts: a /dev/shm that other containers may join: a tmpfs on the host, in the container's folder
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostConfig } from '../../events/spec.ts';
import { WorldFailure, type Run } from '../world.ts';
import { libc } from '../worlds/libc.ts';

/** Linux: include/uapi/linux/mount.h, MS_NOSUID | MS_NODEV | MS_NOEXEC; umount2's MNT_DETACH. */
const noDevicesNoPrograms = 14n;
const detach = 2;

const pathIn = (folder: string): string => join(folder, 'shm');

/** Host path to mount at /dev/shm; null for a container whose shared memory is its own. moby: setupIpcDirs */
export function sharedMemory(folder: string, { IpcMode, ShmSize }: HostConfig, join: Run['join']): string | null {
  if (IpcMode === 'host') return '/dev/shm';
  if (IpcMode.startsWith('container:')) return lenders(folder, join.ipc ?? 0);
  return IpcMode === 'shareable' ? mounted(pathIn(folder), ShmSize) : null;
}

function mounted(path: string, bytes: number): string {
  if (isMounted(path)) return path;
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const options = `mode=1777,size=${bytes}`;
  if (libc?.mount('shm', path, 'tmpfs', noDevicesNoPrograms, options) !== 0) {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `nosuid,nodev,noexec,${options}`, 'shm', path]);
  }
  return path;
}

/** The folder of the container that a process belongs to is found by its cgroup, which is named after the container. */
function lenders(folder: string, pid: number): string {
  const cgroups = existsSync(`/proc/${pid}/cgroup`) ? readFileSync(`/proc/${pid}/cgroup`, 'utf8') : '';
  const id = /\/([0-9a-f]{64})$/m.exec(cgroups)?.[1] ?? '';
  const path = pathIn(join(folder, '..', id));
  if (id && isMounted(path)) return path;
  throw new WorldFailure('invalid', `can't join IPC of container ${id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`);
}

export function dropSharedMemory(folder: string): void {
  const path = pathIn(folder);
  if (!isMounted(path)) return;
  if (libc?.umount2(path, detach) !== 0) execFileSync('umount', ['-l', path]);
}

const isMounted = (path: string): boolean => existsSync(path) && readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${path} `);
