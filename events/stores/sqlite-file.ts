// sqlite-file.ts: facts as rows of a SQLite database, each checked when it is read
import { randomUUID } from 'node:crypto';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { lineOf, sumOf, type Kept } from '../checksum.ts';
import type { Finding } from '../log.ts';
import { pageBytes } from './carve.ts';

/** A fact with its checksum and the one of the fact before it. */
export interface Summed extends Kept {
  readonly link: number;
  readonly sum: number;
}

/** As a query gives it: position, stream, revision, the fact as a line of JSON, link, sum. */
export type Row = [number, string, number, string, number, number];

export interface Loss {
  readonly first: number;
  readonly last: number;
  /** Null when it is not known whose facts they were. */
  readonly stream: string | null;
  readonly message: string;
}

export interface FactFile {
  readonly database: DatabaseSync;
  /** Names this history, so that a checkpoint of another one is not taken for its own. */
  readonly identity: string;
  /** What an earlier rescue could not save. */
  readonly losses: readonly Loss[];
  readonly insert: StatementSync;
  readonly statements: Statements;
}

interface Statements {
  readonly forward: StatementSync;
  readonly backward: StatementSync;
  readonly one: StatementSync;
  readonly ofStream: StatementSync;
  readonly ofStreamBackward: StatementSync;
  readonly begin: StatementSync;
  readonly commit: StatementSync;
  readonly rollback: StatementSync;
}

export const tables = `
  CREATE TABLE IF NOT EXISTS facts (
    position INTEGER PRIMARY KEY, stream TEXT NOT NULL, revision INTEGER NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL,
    time INTEGER NOT NULL, cause TEXT NOT NULL, data TEXT NOT NULL, link INTEGER NOT NULL, sum INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS losses (first INTEGER NOT NULL, last INTEGER NOT NULL, stream TEXT, message TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS identity (name TEXT NOT NULL) STRICT;
`;
export const index = 'CREATE UNIQUE INDEX IF NOT EXISTS facts_by_stream ON facts (stream, revision)';
export const insertion = 'INSERT INTO facts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)';

/** `lineOf`, in SQL: one string a row is fetched in half the time that its columns take. */
const line = `'[' || position || ',"' || stream || '",' || revision || ',"' || id || '","' || type || '","' || time || '",' || cause || ',' || data || ']'`;

/**
 * WAL with synchronous=FULL: a commit is durable when it returns, at the price of one fdatasync. A redo journal of our
 * own before a SQLite that does not sync was measured beside it: the sync is the limit of both (4.9 k/s for a bare file,
 * 4.2 k/s for this), so the journal bought nothing for the replay it needs on opening.
 */
export function openFactFile(path: string, access: 'write' | 'read'): FactFile {
  const database = new DatabaseSync(path, { readOnly: access === 'read', timeout: 10_000 });
  try {
    if (access === 'write') {
      database.exec(`PRAGMA page_size = ${pageBytes}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 4000;`);
      database.exec(tables);
      database.exec(index);
    }
    const named = database.prepare('SELECT name FROM identity').get() as { name: string } | undefined;
    const identity = named?.name ?? randomUUID();
    if (!named && access === 'write') database.prepare('INSERT INTO identity VALUES (?)').run(identity);
    const losses = database.prepare('SELECT first, last, stream, message FROM losses ORDER BY first').all() as unknown as Loss[];
    const insert = database.prepare(insertion);
    return { database, identity, losses, insert, statements: prepare(database) };
  } catch (error) {
    database.close();
    throw error;
  }
}

function prepare(database: DatabaseSync): Statements {
  const rows = (sql: string): StatementSync => {
    const statement = database.prepare(`SELECT position, stream, revision, ${line}, link, sum FROM facts ${sql}`);
    statement.setReturnArrays(true);
    return statement;
  };
  return {
    forward: rows('WHERE position BETWEEN ? AND ? ORDER BY position LIMIT ?'),
    backward: rows('WHERE position BETWEEN ? AND ? ORDER BY position DESC LIMIT ?'),
    one: rows('WHERE position = ?'),
    ofStream: rows('WHERE stream = ? AND revision BETWEEN ? AND ? ORDER BY revision LIMIT ?'),
    ofStreamBackward: rows('WHERE stream = ? AND revision BETWEEN ? AND ? ORDER BY revision DESC LIMIT ?'),
    begin: database.prepare('BEGIN IMMEDIATE'),
    commit: database.prepare('COMMIT'),
    rollback: database.prepare('ROLLBACK'),
  };
}

export function insertFact(file: FactFile, fact: Kept, link: number): number {
  const sum = sumOf(link, lineOf(fact));
  file.insert.run(fact.position, fact.stream, fact.revision, fact.id, fact.type, BigInt(fact.time), fact.cause, fact.data, link, sum);
  return sum;
}

/** All of it durable, or none of it there and an error thrown. */
export function inTransaction(file: FactFile, work: () => void): void {
  file.statements.begin.run();
  try {
    work();
    file.statements.commit.run();
  } catch (error) {
    // SQLite rolls back by itself on some errors, a full disk among them.
    if (file.database.isTransaction) file.statements.rollback.run();
    throw error;
  }
}

/** Position and checksum of the last fact; null for an empty table. */
export function lastFact(file: FactFile): { position: number; sum: number } | null {
  return (file.database.prepare('SELECT position, sum FROM facts ORDER BY position DESC LIMIT 1').get() as { position: number; sum: number } | undefined) ?? null;
}

export const findingOf = (loss: Loss): Finding => ({ kind: 'missing-facts', stream: loss.stream, position: loss.first, message: loss.message });

/** The last revision of every stream, out of the index alone; and how many facts each has. */
export function headsOf(file: FactFile): { stream: string; revision: number; count: number }[] {
  const sql = 'SELECT stream, max(revision) AS revision, count(*) AS count FROM facts INDEXED BY facts_by_stream GROUP BY stream';
  return file.database.prepare(sql).all() as { stream: string; revision: number; count: number }[];
}
