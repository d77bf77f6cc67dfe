// mark.ts: the high-water mark, kept beside the database: how far facts were acknowledged
import { closeSync, fdatasync, fdatasyncSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { sumOfText } from '../checksum.ts';

export interface Mark {
  /** Position of the last acknowledged fact; -1: none. */
  readonly position: number;
  /** That fact's checksum. */
  readonly sum: number;
  /** The process that wrote the mark. */
  readonly pid: number;
}

/** Written in turns, so that a torn write costs the newer one only. Each in a sector of its own. */
const slots = [0, 512] as const;
const slotBytes = 128;
const syncEveryMs = 1000;

const markPath = (path: string): string => `${path}.mark`;

/** Null where there is no file; `damaged` counts the slots that cannot be believed. */
export function readMark(path: string): { mark: Mark | null; damaged: number } | null {
  let file: number;
  try {
    file = openSync(markPath(path), 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    // Made, but not yet written when the daemon was killed: there was no log yet.
    if (fstatSync(file).size === 0) return null;
    const marks = slots.map((offset) => readSlot(file, offset)).filter((mark) => mark !== null);
    marks.sort((one, other) => other.position - one.position);
    return { mark: marks[0] ?? null, damaged: slots.length - marks.length };
  } finally {
    closeSync(file);
  }
}

function readSlot(file: number, offset: number): Mark | null {
  const bytes = Buffer.alloc(slotBytes);
  readSync(file, bytes, 0, slotBytes, offset);
  const found = /^mark (-?\d+) (\d+) (\d+) (\d+)\n/.exec(bytes.toString('latin1'));
  if (!found || sumOfText(`${found[1]} ${found[2]} ${found[3]}`) !== Number(found[4])) return null;
  return { position: Number(found[1]), sum: Number(found[2]), pid: Number(found[3]) };
}

export interface MarkWriter {
  move(position: number, sum: number): void;
  close(): void;
}

/**
 * The mark is written after the commit is durable and before it is acknowledged, and synced at leisure: once a
 * second. A killed process loses nothing that it wrote, so the mark is exact then. A power cut may set it back by
 * a second, never forward: what the mark claims was durable before. So a damaged commit goes unnoticed only if the
 * power failed within a second after it, and no healthy commit is ever taken for a loss. A sync of its
 * own for every commit would halve the rate of appends.
 */
export function openMark(path: string, position: number, sum: number): MarkWriter {
  closeSync(openSync(markPath(path), 'a', 0o600));
  syncFolder(path);
  const file = openSync(markPath(path), 'r+');
  let turn = 0;
  let timer: NodeJS.Timeout | null = null;

  // Both slots at once, so that a new mark is whole or empty.
  const first = slotOf(position, sum);
  writeSync(file, Buffer.concat([first, Buffer.alloc(slots[1] - slotBytes, ' '), first]), 0, slots[1] + slotBytes, 0);
  fdatasyncSync(file);

  return {
    move(at, sumThere) {
      writeSync(file, slotOf(at, sumThere), 0, slotBytes, slots[turn]);
      turn = 1 - turn;
      timer ??= setTimeout(() => {
        timer = null;
        fdatasync(file, () => {});
      }, syncEveryMs).unref();
    },
    close() {
      if (timer) clearTimeout(timer);
      fdatasyncSync(file);
      closeSync(file);
    },
  };
}

function slotOf(position: number, sum: number): Buffer {
  const text = `${position} ${sum} ${process.pid}`;
  return Buffer.from(`mark ${text} ${sumOfText(text)}\n`.padEnd(slotBytes), 'latin1');
}

function syncFolder(path: string): void {
  const folder = openSync(dirname(path), 'r');
  fsyncSync(folder);
  closeSync(folder);
}
