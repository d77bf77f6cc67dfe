// log-file.ts: a log that is appended to and rotated: container.log, .1, .2, the older ones perhaps compressed
import { closeSync, existsSync, fstatSync, ftruncateSync, mkdirSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { FileSettings } from './frames.ts';

export interface LogFile {
  /** Bytes of the current file. */
  size(): number;
  write(bytes: Buffer): void;
  /** Begins a new file; put off while an older one is still being compressed. */
  rotate(): void;
  close(): Promise<void>;
}

const folderMode = 0o710;
const fileMode = 0o640;

export function logFile(settings: FileSettings): LogFile {
  const { path } = settings;
  mkdirSync(dirname(path), { recursive: true, mode: folderMode });
  let { fd, size } = opened(path);
  let compression: Promise<void> | null = null;

  const write = (bytes: Buffer): void => {
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
      size += bytes.length;
    } catch {
      // The disk is full: these lines are lost as Docker's would be, but no half line may stand before the next one.
      ftruncateSync(fd, size);
    }
  };

  const rotate = (): void => {
    if (compression) return;
    shift(path, settings.maxFiles);
    closeSync(fd);
    ({ fd, size } = opened(path));
    if (!settings.compress || settings.maxFiles < 2) return;
    compression = compress(`${path}.1`).finally(() => void (compression = null));
  };

  return {
    size: () => size,
    write,
    rotate,
    async close() {
      closeSync(fd);
      await compression;
    },
  };
}

/** Opens for appending. A line that a crash cut short is closed off, so that it spoils no other. */
function opened(path: string): { fd: number; size: number } {
  const fd = openSync(path, 'a+', fileMode);
  let { size } = fstatSync(fd);
  const last = Buffer.alloc(1);
  if (size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a) size += writeSync(fd, '\n');
  return { fd, size };
}

function shift(path: string, maxFiles: number): void {
  for (let index = maxFiles - 1; index >= 1; index -= 1) {
    const from = index === 1 ? path : `${path}.${index - 1}`;
    for (const ending of ['', '.gz']) {
      rmSync(`${path}.${index}${ending}`, { force: true });
      if (existsSync(from + ending)) renameSync(from + ending, `${path}.${index}${ending}`);
    }
  }
  // With one file only, a reader that has it open can still finish it.
  if (maxFiles < 2) rmSync(path, { force: true });
}

async function compress(path: string): Promise<void> {
  const { compressFile } = await import('./compression.ts');
  await compressFile(path);
}
