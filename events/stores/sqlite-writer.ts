// sqlite-writer.ts: the one writer of a database of facts: opens it, checks it, commits groups, keeps the mark
import { DatabaseSync } from 'node:sqlite';
import { firstLink, type Kept } from '../checksum.ts';
import type { Finding } from '../log.ts';
import { openMark, readMark, type MarkWriter } from './mark.ts';
import { findingOf, headsOf, insertFact, inTransaction, lastFact, openFactFile, type FactFile } from './sqlite-file.ts';

/** A fact on its way into the log; the writer adds its checksum. */
export type Incoming = Kept;

export interface Writer {
  file: FactFile;
  /** Position of the last fact, or of the last one that was lost. */
  position: number;
  /** What the next fact is chained to. */
  sum: number;
  readonly mark: MarkWriter;
  readonly findings: Finding[];
  readonly unlock: () => void;
}

export function openWriter(path: string): Writer {
  const unlock = lock(path);
  try {
    const marked = readMark(path);
    const file = openFactFile(path, 'write');
    const last = lastFact(file);
    const findings: Finding[] = file.losses.map(findingOf);
    const position = Math.max(last?.position ?? -1, ...file.losses.map((loss) => loss.last));
    if (!marked && last) findings.push({ kind: 'damaged-mark', stream: null, position: null, message: 'the mark is gone: facts may be missing after the last one' });
    const sum = last?.sum ?? firstLink;
    return { file, position, sum, mark: openMark(path, position, sum), findings, unlock };
  } catch (error) {
    unlock();
    throw error;
  }
}

/**
 * A database of its own is held locked as long as the log is open: the kernel frees it when the process dies, and
 * the log itself stays open to readers.
 */
function lock(path: string): () => void {
  const database = new DatabaseSync(`${path}.lock`, { timeout: 0 });
  try {
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    const holder = readMark(path)?.mark?.pid;
    throw new Error(`the log ${path} is in use${holder ? ` by process ${holder}` : ''}`, { cause: error });
  }
  return () => database.close();
}

/** Durable when it returns; when it throws, nothing of the group is kept. */
export function commit(writer: Writer, group: readonly Incoming[]): void {
  let sum = writer.sum;
  inTransaction(writer.file, () => {
    for (const fact of group) sum = insertFact(writer.file, fact, sum);
  });
  writer.sum = sum;
  writer.position += group.length;
  writer.mark.move(writer.position, sum);
}

export function heads(writer: Writer): Map<string, number> {
  return new Map(headsOf(writer.file).map(({ stream, revision }) => [stream, revision]));
}

export function closeWriter(writer: Writer): void {
  writer.mark.close();
  writer.file.database.close();
  writer.unlock();
}
