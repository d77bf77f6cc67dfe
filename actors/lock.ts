// lock.ts: one daemon for each root: a lock that the kernel lets go of when its holder dies, however it dies
import { closeSync, existsSync, ftruncateSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { libc } from './worlds/libc.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;

const pidIn = (path: string): number => (existsSync(path) ? Number.parseInt(readFileSync(path, 'utf8'), 10) || 0 : 0);

/** A number may have gone to another process since it was written down. */
function isDaemon(pid: number): boolean {
  try {
    return pid > 0 && /\bapi\/main\.ts\b|\btallyd\b/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  } catch {
    return false;
  }
}

export interface Lock {
  release(): void;
}

/** Throws when another daemon holds it, with the pid of that one. The file stays: it is the lock that counts. */
export function lockRoot(root: string): Lock {
  const path = `${root}/tallyd.lock`;
  const fd = openSync(path, 'a+', 0o600);
  // Without ffi there is no flock: the pid in the file is then all there is to go by.
  const held = libc ? libc.flock(fd, LOCK_EX | LOCK_NB) !== 0 : isDaemon(pidIn(path));
  if (held) {
    closeSync(fd);
    throw new Error(`another daemon runs on ${root}: pid ${pidIn(path)}`);
  }
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`);
  return {
    release: () => {
      ftruncateSync(fd);
      closeSync(fd);
    },
  };
}

/** Throws when the pid file is that of a living daemon; one that a killed daemon left is taken over. */
export function writePidFile(path: string): void {
  const pid = pidIn(path);
  if (pid !== process.pid && isDaemon(pid)) throw new Error(`process with PID ${pid} is still running: it holds the pid file ${path}`);
  writeFileSync(path, `${process.pid}\n`, { mode: 0o644 });
}

export function removePidFile(path: string): void {
  if (pidIn(path) === process.pid) rmSync(path, { force: true });
}
