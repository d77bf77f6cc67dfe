// fifo.ts: named pipes, which Node cannot make by itself
import { execFileSync } from 'node:child_process';
import { lstatSync } from 'node:fs';
import { libc } from '../worlds/libc.ts';

/** Makes a FIFO (`mode` less the umask), or keeps the one that is there. Throws when something else is there or when it cannot be made. */
export function makeFifo(path: string, mode: number): void {
  if (libc ? libc.mkfifo(path, mode) === 0 : spawned(path, mode)) return;
  if (!isFifo(path)) throw new Error(`cannot make a FIFO at ${path}`);
}

/** 1.5 ms instead of 0.01. */
function spawned(path: string, mode: number): boolean {
  try {
    execFileSync('mkfifo', ['-m', mode.toString(8), path], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export function isFifo(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFIFO() ?? false;
}
