// log-reader.ts: reads a log in order, from any place in it, and goes on while it grows
import { rfc3339 } from '../../events/time.ts';
import type { LogLine, LogQuery } from '../world.ts';
import { readLines } from './json-lines-read.ts';
import { closePiece, type LogPiece, openPieces, readable, readAt, sizeOf, tailOf } from './log-pieces.ts';

/** Tells a follower when to look again. */
export interface LogWatch {
  /** `ended`: nothing will come after what is in the files now. */
  next(): Promise<'grew' | 'ended'>;
  close(): void;
}

/** Read at once, and given on at once. */
const blockBytes = 256 * 1024;

/** The kernel's time stamps of files lag behind by some milliseconds. */
const marginMs = 1000;

export async function* readLog(path: string, query: LogQuery, watch: LogWatch | null, signal: AbortSignal): AsyncGenerator<LogLine[]> {
  const pieces = await openPieces(path, null);
  const filter = filterOf(query);
  try {
    let offset = await skip(pieces, query);
    for (;;) {
      let [piece] = pieces;
      if (piece) {
        piece = pieces[0] = await readable(piece);
        // Looked for before reading on: what has been rotated away is complete when it is read then.
        if (pieces.length === 1 && watch) pieces.push(...(await openPieces(path, piece)));
        for await (const block of blocks(piece, offset)) {
          if (signal.aborted) return;
          offset += block.length;
          const lines = readLines(block, filter.wanted);
          if (lines.length > 0) yield lines;
          if (filter.past()) return;
        }
      } else if (watch) pieces.push(...(await openPieces(path, null)));
      if (pieces.length > 1) {
        await closePiece(pieces.shift()!);
        offset = 0;
        continue;
      }
      if (!watch || signal.aborted) return;
      if ((await watch.next()) === 'ended') watch = null;
      if (signal.aborted) return;
      if (!watch) pieces.push(...(await openPieces(path, pieces[0] ?? null)));
    }
  } finally {
    await Promise.all(pieces.map(closePiece));
  }
}

/** Drops the pieces, and gives the place in the first one left, before which nothing is asked for. */
async function skip(pieces: LogPiece[], { tail, since }: LogQuery): Promise<number> {
  if (tail !== null) return skipToTail(pieces, tail);
  const sinceMs = since === null ? null : Number(since / 1_000_000n) - marginMs;
  while (sinceMs !== null && pieces.length > 1 && pieces[0]!.modifiedMs < sinceMs) await closePiece(pieces.shift()!);
  return 0;
}

async function skipToTail(pieces: LogPiece[], tail: number): Promise<number> {
  let missing = tail;
  for (let index = pieces.length - 1; index >= 0; index -= 1) {
    const piece = (pieces[index] = await readable(pieces[index]!));
    const { offset, lines } = missing === 0 ? { offset: await sizeOf(piece), lines: 0 } : await tailOf(piece, missing);
    missing -= lines;
    if (missing > 0 && index > 0) continue;
    await Promise.all(pieces.splice(0, index).map(closePiece));
    return offset;
  }
  return 0;
}

/** Complete lines only: the end of the last one may still be on its way. */
async function* blocks(piece: LogPiece, from: number): AsyncGenerator<Buffer> {
  let size = blockBytes;
  for (let offset = from; ; ) {
    const block = Buffer.allocUnsafe(size);
    const length = await readAt(piece, block, size, offset);
    const end = block.subarray(0, length).lastIndexOf(0x0a) + 1;
    if (end > 0) {
      yield block.subarray(0, end);
      offset += end;
      size = blockBytes;
    } else if (length === size) size *= 2;
    else return;
  }
}

/** As the lines have it, but comparable: `1Z` would come after `12Z`. */
const comparable = (time: string): string => time.slice(0, -1);

function filterOf({ stdout, stderr, since, until }: LogQuery): { wanted: (line: LogLine) => boolean; past: () => boolean } {
  const from = since === null ? null : comparable(rfc3339(since));
  const to = until === null ? null : comparable(rfc3339(until));
  let past = false;
  return {
    wanted: ({ stream, time }) => {
      if (!(stream === 'stdout' ? stdout : stderr)) return false;
      if (from === null && to === null) return true;
      const at = comparable(time);
      if (to !== null && at > to) past = true;
      return !past && (from === null || at >= from);
    },
    past: () => past,
  };
}
