// log-pieces.ts: the files that a rotated log consists of, opened so that no rotation can take them away
import { randomUUID } from 'node:crypto';
import { close, createReadStream, fstat, open, read, type Stats, unlink, write } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGunzip } from 'node:zlib';

// Plain descriptors: a FileHandle that is forgotten by mistake ends the process when it is collected.
const opening = promisify(open);
const reading = promisify(read);
const writing = promisify(write);
const closing = promisify(close);
const stating = promisify(fstat) as (fd: number) => Promise<Stats>;

export interface LogPiece {
  readonly fd: number;
  readonly inode: number;
  readonly modifiedMs: number;
  /** A compressed file is unpacked only when it is read. */
  readonly compressed: boolean;
  readonly path: string;
}

export const closePiece = ({ fd }: LogPiece): Promise<void> => closing(fd);
export const sizeOf = async ({ fd }: LogPiece): Promise<number> => (await stating(fd)).size;
/** Gives how many bytes there were. */
export const readAt = async ({ fd }: LogPiece, into: Buffer, length: number, offset: number): Promise<number> =>
  (await reading(fd, into, 0, length, offset)).bytesRead;

async function opened(path: string, compressed: boolean): Promise<LogPiece | null> {
  try {
    const fd = await opening(path, 'r');
    const { ino: inode, mtimeMs: modifiedMs } = await stating(fd);
    return { fd, inode, modifiedMs, compressed, path };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Pieces newer than `known` (null: all), oldest first. Opened from the newest on: a rotation meanwhile makes one of them
 * appear twice, which its inode tells, and never makes one disappear in between.
 */
export async function openPieces(path: string, known: LogPiece | null): Promise<LogPiece[]> {
  const pieces: LogPiece[] = [];
  for (let index = 0, missing = 0; missing < 2; index += 1) {
    const name = index === 0 ? path : `${path}.${index}`;
    const piece = (await opened(name, false)) ?? (await opened(`${name}.gz`, true));
    // While files are being renamed one place may be empty for a moment.
    if (!piece) missing += 1;
    if (!piece) continue;
    if (known && (await same(piece, known))) {
      await closePiece(piece);
      break;
    }
    if (pieces.some(({ inode }) => inode === piece.inode)) await closePiece(piece);
    else pieces.unshift(piece);
  }
  return pieces;
}

/** Compressed meanwhile, a file keeps its time and says at its end how long it was. */
async function same(piece: LogPiece, known: LogPiece): Promise<boolean> {
  if (piece.inode === known.inode) return true;
  if (!piece.compressed || known.compressed) return false;
  const { size, mtimeMs } = await stating(known.fd);
  const length = Buffer.alloc(4);
  await readAt(piece, length, 4, Math.max(0, (await sizeOf(piece)) - 4));
  return Math.abs(mtimeMs - piece.modifiedMs) < 2 && length.readUInt32LE() === size % 2 ** 32;
}

/** Can be read at any place: an unpacked copy without a name where it is compressed. */
export async function readable(piece: LogPiece): Promise<LogPiece> {
  if (!piece.compressed) return piece;
  const path = `${piece.path}.${randomUUID()}`;
  const fd = await opening(path, 'wx+', 0o600);
  await promisify(unlink)(path);
  try {
    // The stream closes the packed file when it is through.
    await pipeline(createReadStream('', { fd: piece.fd, start: 0 }), createGunzip(), async (unpacked: AsyncIterable<Buffer>) => {
      for await (const chunk of unpacked) await writing(fd, chunk);
    });
  } catch {
    // Damaged: what could be unpacked is shown.
  }
  return { ...piece, fd, compressed: false };
}

const blockBytes = 64 * 1024;

/** Where the last `count` lines begin, and how many there are if that is the file's beginning. */
export async function tailOf(piece: LogPiece, count: number): Promise<{ offset: number; lines: number }> {
  const block = Buffer.allocUnsafe(blockBytes);
  const size = await sizeOf(piece);
  let lines = 0;
  let ended = false;
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - blockBytes);
    const length = await readAt(piece, block, end - start, start);
    for (let at = block.lastIndexOf(0x0a, length - 1); at >= 0; at = at > 0 ? block.lastIndexOf(0x0a, at - 1) : -1) {
      // The last line feed ends the last line; each one before it stands before a line.
      if (ended) lines += 1;
      ended = true;
      if (lines === count) return { offset: start + at + 1, lines };
    }
    end = start;
  }
  return { offset: 0, lines: ended ? lines + 1 : 0 };
}
