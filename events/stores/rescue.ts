// rescue.ts: a database that lost acknowledged facts or its own order is set aside, and what is whole goes into a new one
import { closeSync, copyFileSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { randomUUID } from 'node:crypto';
import { carveFacts, carveIndex, pageBytes, type PageImages } from './carve.ts';
import type { Mark } from './mark.ts';
import { openPages } from './pages.ts';
import { index, insertion, tables, type Loss, type Summed } from './sqlite-file.ts';

/** What is known about a database that must be rescued. */
export interface Wreck {
  readonly mark: Mark | null;
  /** The last position known by any means. Facts beyond it were never acknowledged; null: nothing is known. */
  readonly last: number | null;
  /** Of earlier rescues, where they can still be read. */
  readonly losses: readonly Loss[];
  readonly identity: string | null;
}

/**
 * Files stay as they were found under `<path>.damaged-<n>`; no connection may be open. The new database takes the old one's
 * place in two steps that survive a crash between them: a stale WAL would be applied to the new file.
 */
export function rescue(path: string, wreck: Wreck): { losses: Loss[]; aside: string } {
  const aside = setAside(path);
  const pages = openPages(path);
  try {
    return { losses: replace(path, pages, wreck), aside };
  } finally {
    pages.close();
  }
}

/** A new log is made in the same way: a kill in the middle leaves none behind, not half of one. */
export function makeNew(path: string): void {
  replace(path, { all: () => [], get: () => null }, { mark: null, last: null, losses: [], identity: null });
}

function replace(path: string, pages: PageImages, wreck: Wreck): Loss[] {
  const fresh = `${path}.rescue`;
  rmSync(fresh, { force: true });
  const losses = rebuild(fresh, pages, wreck);
  syncPath(fresh);
  renameSync(fresh, `${path}.rescued`);
  syncPath(dirname(path));
  finishRescue(path);
  return losses;
}

/** The second step; also for a rescue that a crash cut short. */
export function finishRescue(path: string): void {
  if (!existsSync(`${path}.rescued`)) return;
  rmSync(`${path}-wal`, { force: true });
  rmSync(`${path}-shm`, { force: true });
  renameSync(`${path}.rescued`, path);
  syncPath(dirname(path));
}

function setAside(path: string): string {
  let number = 1;
  while (existsSync(`${path}.damaged-${number}`) || existsSync(`${path}.damaged-${number}-wal`)) number++;
  const aside = `${path}.damaged-${number}`;
  for (const suffix of ['', '-wal']) {
    if (!existsSync(`${path}${suffix}`)) continue;
    copyFileSync(`${path}${suffix}`, `${aside}${suffix}`);
    syncPath(`${aside}${suffix}`);
  }
  return aside;
}

function syncPath(path: string): void {
  const file = openSync(path, 'r');
  fsyncSync(file);
  closeSync(file);
}

function rebuild(fresh: string, pages: PageImages, wreck: Wreck): Loss[] {
  const database = new DatabaseSync(fresh);
  try {
    // Synced as a whole when it is done.
    database.exec(`PRAGMA page_size = ${pageBytes}; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN`);
    database.exec(tables);
    enterFacts(database, pages, wreck);
    enterIndex(database);
    const losses = lossesIn(database, pages, wreck);
    const enter = database.prepare('INSERT INTO losses VALUES (?, ?, ?, ?)');
    for (const loss of losses) enter.run(loss.first, loss.last, loss.stream, loss.message);
    database.prepare('INSERT INTO identity VALUES (?)').run(wreck.identity ?? randomUUID());
    database.exec('COMMIT');
    return losses;
  } finally {
    database.close();
  }
}

function enterFacts(database: DatabaseSync, pages: PageImages, wreck: Wreck): void {
  const insert = database.prepare(insertion);
  const enter = (fact: Summed): void =>
    void insert.run(fact.position, fact.stream, fact.revision, fact.id, fact.type, BigInt(fact.time), fact.cause, fact.data, fact.link, fact.sum);
  const sums = new Map<number, number>();
  const rivals: Summed[] = [];
  for (const fact of carveFacts(pages)) {
    if (fact.position < 0 || fact.position > (wreck.last ?? Infinity)) continue;
    const other = sums.get(fact.position);
    if (other === undefined) {
      sums.set(fact.position, fact.sum);
      enter(fact);
    } else if (other !== fact.sum) rivals.push(fact);
  }
  // A group that failed may have left facts at positions that others took afterwards: the chain knows which are true.
  const remove = database.prepare('DELETE FROM facts WHERE position = ?');
  rivals.sort((one, another) => one.position - another.position);
  for (const rival of rivals) {
    const link = database.prepare('SELECT link FROM facts WHERE position = ?').get(rival.position) as { link: number };
    const before = rival.position === 0 ? 0 : sums.get(rival.position - 1);
    const marked = wreck.mark?.position === rival.position && wreck.mark.sum === rival.sum;
    if (!marked && (link.link === before || rival.link !== before)) continue;
    remove.run(rival.position);
    enter(rival);
    sums.set(rival.position, rival.sum);
  }
}

function enterIndex(database: DatabaseSync): void {
  try {
    database.exec(index);
  } catch {
    database.exec('DELETE FROM facts WHERE position NOT IN (SELECT max(position) FROM facts GROUP BY stream, revision)');
    database.exec(index);
  }
}

interface Gap {
  readonly first: number;
  readonly last: number;
}

function gapsIn(database: DatabaseSync, last: number | null): Gap[] {
  const gaps: Gap[] = [];
  let expected = 0;
  for (const row of database.prepare('SELECT position FROM facts ORDER BY position').iterate()) {
    const { position } = row as { position: number };
    if (position > expected) gaps.push({ first: expected, last: position - 1 });
    expected = position + 1;
  }
  if (last !== null && last >= expected) gaps.push({ first: expected, last });
  return gaps;
}

/** Each gap once for each stream that is known to have had facts there, once without a name where that is not all. */
function lossesIn(database: DatabaseSync, pages: PageImages, wreck: Wreck): Loss[] {
  const gaps = gapsIn(database, wreck.last);
  const gapAt = (position: number): Gap | undefined => gaps.find((gap) => gap.first <= position && position <= gap.last);
  const named = new Map<Gap, { streams: Set<string>; positions: Set<number> }>(gaps.map((gap) => [gap, { streams: new Set(), positions: new Set() }]));
  const name = (gap: Gap | undefined, stream: string, position?: number): void => {
    const entry = gap && named.get(gap);
    entry?.streams.add(stream);
    if (position !== undefined) entry?.positions.add(position);
  };
  if (gaps.length > 0) for (const { stream, position } of carveIndex(pages)) name(gapAt(position), stream, position);
  for (const { first, stream } of wreck.losses) if (stream !== null) name(gapAt(first), stream);
  for (const { stream, position } of orphans(database)) name(gaps.findLast((gap) => gap.first < position), stream);
  return gaps.flatMap((gap) => {
    const { streams, positions } = named.get(gap) as { streams: Set<string>; positions: Set<number> };
    const message = gap.first === gap.last ? `fact ${gap.first} is lost` : `facts ${gap.first} to ${gap.last} are lost`;
    const all: (string | null)[] = positions.size === gap.last - gap.first + 1 ? [...streams] : [...streams, null];
    return all.map((stream) => ({ ...gap, stream, message }));
  });
}

/** Facts whose predecessor in their stream is gone. */
function orphans(database: DatabaseSync): { stream: string; position: number }[] {
  const sql = `SELECT stream, position FROM facts AS fact WHERE revision > 0
    AND NOT EXISTS (SELECT 1 FROM facts AS earlier WHERE earlier.stream = fact.stream AND earlier.revision = fact.revision - 1)`;
  return database.prepare(sql).all() as { stream: string; position: number }[];
}
