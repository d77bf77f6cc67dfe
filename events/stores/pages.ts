// pages.ts: the pages of a database and of its WAL, as bytes
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { pageBytes, type PageImages } from './carve.ts';

const walHeader = 32;
const frameHeader = 24;
const frameBytes = frameHeader + pageBytes;

interface Frame {
  readonly page: number;
  readonly offset: number;
}

/** Only for files that no connection of this process has open: closing them here would drop SQLite's locks on them. */
export function openPages(path: string): PageImages & { close(): void } {
  const database = existsSync(path) ? openSync(path, 'r') : null;
  const wal = existsSync(`${path}-wal`) ? openSync(`${path}-wal`, 'r') : null;
  const count = database === null ? 0 : Math.ceil(fstatSync(database).size / pageBytes);
  const frames = wal === null ? [] : framesOf(wal);
  const newest = new Map(frames.map((frame) => [frame.page, frame]));

  const inDatabase = (number: number): Buffer => pageAt(database as number, (number - 1) * pageBytes);
  return {
    *all() {
      for (let number = 2; number <= count; number++) yield inDatabase(number);
      for (const frame of frames) yield pageAt(wal as number, frame.offset);
    },
    get(number) {
      const frame = newest.get(number);
      if (frame) return pageAt(wal as number, frame.offset);
      return number >= 1 && number <= count ? inDatabase(number) : null;
    },
    close() {
      if (database !== null) closeSync(database);
      if (wal !== null) closeSync(wal);
    },
  };
}

function pageAt(file: number, offset: number): Buffer {
  const page = Buffer.alloc(pageBytes);
  readSync(file, page, 0, pageBytes, offset);
  return page;
}

function framesOf(wal: number): Frame[] {
  const size = fstatSync(wal).size;
  const head = Buffer.alloc(4);
  const frames: Frame[] = [];
  for (let offset = walHeader; offset + frameHeader < size; offset += frameBytes) {
    readSync(wal, head, 0, 4, offset);
    frames.push({ page: head.readUInt32BE(0), offset: offset + frameHeader });
  }
  return frames;
}

/**
 * Bytes at the end of a WAL that belong to a commit which was never finished: frames of its present generation (they
 * bear the salt of its header) after the last one that ends a commit. SQLite passes over them in silence.
 */
export function tornBytes(path: string): number {
  if (!existsSync(`${path}-wal`)) return 0;
  const wal = openSync(`${path}-wal`, 'r');
  try {
    const size = fstatSync(wal).size;
    const header = Buffer.alloc(walHeader);
    if (readSync(wal, header, 0, walHeader, 0) < walHeader) return size;
    const salt = header.subarray(16, 24);
    let committed = walHeader;
    let end = walHeader;
    const head = Buffer.alloc(frameHeader);
    for (let offset = walHeader; offset < size; offset += frameBytes) {
      const read = readSync(wal, head, 0, frameHeader, offset);
      if (read === frameHeader && !head.subarray(8, 16).equals(salt)) break;
      end = Math.min(offset + frameBytes, size);
      if (read === frameHeader && head.readUInt32BE(4) !== 0 && end === offset + frameBytes) committed = end;
    }
    return end - committed;
  } finally {
    closeSync(wal);
  }
}
