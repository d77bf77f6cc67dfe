// sqlite-writer.ts: the one writer of a database of facts: opens it, has it rescued, commits groups, keeps the mark
import { truncateSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { firstLink, type Kept } from '../checksum.ts';
import type { Finding } from '../log.ts';
import { diagnose, isWorldly, messageOf, type Diagnosis } from './diagnosis.ts';
import { openMark, readMark, type MarkWriter } from './mark.ts';
import { finishRescue, makeNew, rescue, type Wreck } from './rescue.ts';
import { findingOf, headsOf, insertFact, inTransaction, lastFact, openFactFile, type FactFile } from './sqlite-file.ts';

export interface Writer {
  readonly path: string;
  file: FactFile;
  /** Position of the last fact, or of the last one that was lost. */
  position: number;
  /** What the next fact is chained to. */
  sum: number;
  readonly mark: MarkWriter;
  readonly findings: Finding[];
  /** The last revision of each stream, as it was on opening. */
  readonly heads: Map<string, number>;
  readonly unlock: () => void;
}

export function openWriter(path: string): Writer {
  const unlock = lock(path);
  try {
    finishRescue(path);
    const diagnosis = diagnose(path);
    const findings = [...diagnosis.findings];
    const file = openOrRescue(path, diagnosis, findings);
    const { mark } = diagnosis.wreck;
    const last = lastFact(file);
    const position = Math.max(last?.position ?? -1, mark?.position ?? -1, ...file.losses.map((loss) => loss.last));
    const sum = mark?.position === position ? mark.sum : (last?.sum ?? firstLink);
    const heads = diagnosis.heads ?? new Map(headsOf(file).map(({ stream, revision }) => [stream, revision]));
    return { path, file, position, sum, mark: openMark(path, position, sum), findings, heads, unlock };
  } catch (error) {
    unlock();
    throw error;
  }
}

function openOrRescue(path: string, { ruin, wreck, blank }: Diagnosis, findings: Finding[]): FactFile {
  if (blank) {
    openMark(path, -1, firstLink).close();
    makeNew(path);
  }
  if (ruin === null) {
    try {
      return openFactFile(path, 'write');
    } catch (error) {
      if (isWorldly(error)) throw error;
      return rescued(path, wreck, messageOf(error), findings);
    }
  }
  return rescued(path, wreck, ruin, findings);
}

function rescued(path: string, wreck: Wreck, ruin: string, findings: Finding[]): FactFile {
  const { losses, aside } = rescue(path, wreck);
  const known = new Set(wreck.losses.map((loss) => `${loss.first} ${loss.stream}`));
  findings.push(...losses.filter((loss) => !known.has(`${loss.first} ${loss.stream}`)).map(findingOf));
  const saved = losses.length === 0 ? 'no fact was lost' : 'what was whole was saved';
  findings.push({ kind: 'damaged-file', stream: null, position: null, message: `the database was damaged (${ruin}); ${saved}, and the files as they were are ${aside}` });
  return openFactFile(path, 'write');
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
    if (codeOf(error) === notADatabase) {
      // Nobody holds it, or it would be busy.
      truncateSync(`${path}.lock`);
      return lock(path);
    }
    if (codeOf(error) !== busy) throw error;
    const holder = readMark(path)?.mark?.pid;
    throw new Error(`the log ${path} is in use${holder ? ` by process ${holder}` : ''}`, { cause: error });
  }
  return () => database.close();
}

const busy = 5;
const notADatabase = 26;
const codeOf = (error: unknown): number => ((error as { errcode?: number }).errcode ?? 0) & 255;

// SQLITE_CORRUPT, CONSTRAINT (the index disagrees with the heads, which came from it), NOTADB
const ruinous = new Set([11, 19, notADatabase]);

/** Durable when it returns, with what was found damaged meanwhile; when it throws, nothing of the group is kept. */
export function commit(writer: Writer, group: readonly Kept[]): readonly Finding[] {
  const before = writer.findings.length;
  try {
    attempt(writer, group);
  } catch (error) {
    if (!ruinous.has(codeOf(error))) throw error;
    repair(writer, messageOf(error));
    attempt(writer, group);
  }
  return writer.findings.slice(before);
}

function attempt(writer: Writer, group: readonly Kept[]): void {
  let sum = writer.sum;
  inTransaction(writer.file, () => {
    for (const fact of group) sum = insertFact(writer.file, fact, sum);
  });
  writer.sum = sum;
  writer.position += group.length;
  writer.mark.move(writer.position, sum);
}

/** The database turned out to be damaged where it is written. */
function repair(writer: Writer, ruin: string): void {
  const { file, position: last, sum } = writer;
  file.database.close();
  const wreck: Wreck = { mark: { position: last, sum, pid: process.pid }, last, losses: file.losses, identity: file.identity };
  writer.file = rescued(writer.path, wreck, ruin, writer.findings);
}

export function closeWriter(writer: Writer): void {
  writer.mark.close();
  writer.file.database.close();
  writer.unlock();
}
