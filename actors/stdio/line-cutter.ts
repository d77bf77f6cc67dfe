// line-cutter.ts: cuts what a container writes into lines, the long ones into parts of 16 KiB (moby: daemon/logger/copier.go)
import { advance, type Moment, momentNow } from './moment.ts';

export const longest = 16 * 1024;
const lineFeed = 0x0a;

export type Source = 'stdout' | 'stderr';

/** Where a piece of a long line stands in it. */
export interface Part {
  readonly id: string;
  /** From 1. */
  readonly ordinal: number;
  readonly last: boolean;
}

/** One object serves all lines of a cutter: whoever keeps a line copies its bytes. */
export interface Line {
  readonly source: Source;
  bytes: Buffer;
  /** The text is bytes[start..end), without its line feed. */
  start: number;
  end: number;
  /** False for parts but the last, and for a last line that the container did not finish. */
  ended: boolean;
  seconds: number;
  nanos: number;
  part: Part | null;
}

export interface LineCutter {
  cut(chunk: Buffer): void;
  /** No more will come: gives what was begun. */
  finish(): void;
}

export function lineCutter(source: Source, give: (line: Line) => void): LineCutter {
  const line: Line = { source, bytes: Buffer.alloc(0), start: 0, end: 0, ended: true, seconds: 0, nanos: 0, part: null };
  let kept = Buffer.alloc(0);
  let keptLength = 0;
  let partId = '';
  let ordinal = 0;
  let partMoment: Moment | null = null;

  const emit = (bytes: Buffer, start: number, end: number, ended: boolean, moment: Moment): void => {
    if (!ended && ordinal === 0) partId = `${moment.seconds.toString(16)}${moment.nanos.toString(16).padStart(8, '0')}${source}`;
    if (!ended && ordinal === 0) partMoment = { ...moment };
    line.bytes = bytes;
    line.start = start;
    line.end = end;
    line.ended = ended;
    line.part = !ended || ordinal > 0 ? { id: partId, ordinal: (ordinal += 1), last: ended } : null;
    const at = line.part && partMoment ? partMoment : moment;
    line.seconds = at.seconds;
    line.nanos = at.nanos;
    give(line);
    if (ended) ordinal = 0;
    advance(moment);
  };

  const keep = (chunk: Buffer, from: number, to: number): void => {
    // The room for an unfinished line is held only by a container that has one.
    if (kept.length < keptLength + to - from) kept = Buffer.concat([kept.subarray(0, keptLength)], roomFor(keptLength + to - from));
    chunk.copy(kept, keptLength, from, to);
    keptLength += to - from;
  };

  /** Completes the unfinished line from the chunk; gives how far the chunk is used up. */
  const complete = (chunk: Buffer, moment: Moment): number => {
    let at = 0;
    while (keptLength > 0 && at < chunk.length) {
      const found = chunk.indexOf(lineFeed, at);
      const to = Math.min(found < 0 ? chunk.length : found, at + longest - keptLength);
      keep(chunk, at, to);
      at = to;
      if (to === found) {
        emit(kept, 0, keptLength, true, moment);
        keptLength = 0;
        return at + 1;
      }
      if (keptLength === longest) {
        const end = runeEnd(kept, 0, keptLength);
        emit(kept, 0, end, false, moment);
        kept.copyWithin(0, end, keptLength);
        keptLength -= end;
        if (keptLength === 0) return at;
      }
    }
    return at;
  };

  return {
    cut(chunk) {
      const moment = momentNow();
      let at = complete(chunk, moment);
      while (at < chunk.length) {
        const found = chunk.indexOf(lineFeed, at);
        if (found >= 0 && found - at <= longest) {
          emit(chunk, at, found, true, moment);
          at = found + 1;
        } else if (chunk.length - at >= longest) {
          const end = runeEnd(chunk, at, at + longest);
          emit(chunk, at, end, false, moment);
          at = end;
        } else {
          keep(chunk, at, chunk.length);
          return;
        }
      }
      if (keptLength === 0) kept = Buffer.alloc(0);
    },
    finish() {
      if (keptLength > 0) emit(kept, 0, keptLength, false, momentNow());
      keptLength = 0;
      ordinal = 0;
    },
  };
}

const roomFor = (length: number): number => Math.min(longest, Math.max(256, 2 ** Math.ceil(Math.log2(length))));

/** An end not after `end` that cuts no character of UTF-8 in two; Docker's own cut does, and the halves are lost. */
function runeEnd(bytes: Buffer, start: number, end: number): number {
  for (let at = end - 1; at > start && at >= end - 4; at -= 1) {
    const byte = bytes[at]!;
    if (byte < 0x80) return end;
    if (byte < 0xc0) continue;
    const length = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return at + length > end ? at : end;
  }
  return end;
}
