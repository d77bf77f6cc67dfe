// diagnosis.ts: is this database what was acknowledged? Asked on opening, before anything is written
import { existsSync, statSync } from 'node:fs';
import type { Finding } from '../log.ts';
import { readMark, type Mark } from './mark.ts';
import { tornBytes } from './pages.ts';
import { findingOf, headsOf, lastFact, openFactFile, type FactFile } from './sqlite-file.ts';
import { readPage, rowAt } from './sqlite-reading.ts';
import type { Wreck } from './rescue.ts';

export interface Diagnosis {
  readonly findings: Finding[];
  /** Why facts must be rescued into a new database; null: this one can go on. */
  readonly ruin: string | null;
  readonly wreck: Wreck;
  /** Nothing is there yet. */
  readonly blank: boolean;
  /** The last revision of each stream; null when there is ruin. */
  readonly heads: Map<string, number> | null;
}

/** For those who only read: beside them a daemon may be at work, and its next commit looks like a torn one. */
export function diagnoseForReader(path: string): Finding[] {
  const { findings, ruin } = diagnose(path);
  const damage: Finding[] = ruin === null ? [] : [{ kind: 'damaged-file', stream: null, position: null, message: `the database is damaged: ${ruin}` }];
  return [...findings.filter(({ kind }) => kind !== 'torn-tail'), ...damage];
}

/** Facts at the end of the log that are read on every opening. */
const tailFacts = 1000;

export function diagnose(path: string): Diagnosis {
  const marked = readMark(path);
  const mark = marked?.mark ?? null;
  const findings: Finding[] = [];
  const exists = existsSync(path) && statSync(path).size > 0;
  if ((marked && marked.damaged > 0) || (!marked && exists)) findings.push(markFinding(mark));
  const unknown: Wreck = { mark, last: mark?.position ?? null, losses: [], identity: null };
  if (!exists) {
    const blank = (!marked || mark?.position === -1) && !existsSync(`${path}-wal`);
    return { findings, ruin: blank ? null : 'the database is gone', wreck: unknown, blank, heads: blank ? new Map() : null };
  }

  const torn = tornBytes(path);
  let file: FactFile;
  try {
    file = openFactFile(path, 'read');
  } catch (error) {
    if (isWorldly(error)) throw error;
    return { findings, ruin: messageOf(error), wreck: unknown, blank: false, heads: null };
  }
  try {
    const last = lastFact(file);
    const known = Math.max(last?.position ?? -1, mark?.position ?? -1, ...file.losses.map((loss) => loss.last));
    const wreck: Wreck = { mark, last: known, losses: file.losses, identity: file.identity };
    findings.push(...file.losses.map(findingOf));
    const heads = new Map<string, number>();
    const ruin = ruinOf(file, wreck, findings, heads);
    if (torn > 0 && !ruin) findings.push({ kind: 'torn-tail', stream: null, position: known + 1, message: `${torn} bytes of a commit that was never acknowledged were cut` });
    return { findings, ruin, wreck, blank: false, heads: ruin === null ? heads : null };
  } catch (error) {
    if (isWorldly(error)) throw error;
    return { findings, ruin: messageOf(error), wreck: unknown, blank: false, heads: null };
  } finally {
    file.database.close();
  }
}

const markFinding = (mark: Mark | null): Finding => ({
  kind: 'damaged-mark', stream: null, position: mark?.position ?? null,
  message: mark ? `a slot of the mark is damaged: the other says ${mark.position}` : 'the mark is gone or damaged: facts may be missing after the last one',
});

/** Fills in the heads and adds what is damaged but no ruin. */
function ruinOf(file: FactFile, { mark, last, losses }: Wreck, findings: Finding[], heads: Map<string, number>): string | null {
  const end = last ?? -1;
  const isLost = (position: number): boolean => losses.some((loss) => loss.first <= position && position <= loss.last);
  const acknowledged = mark && mark.position >= 0 && !isLost(mark.position) ? rowAt(file, mark.position) : null;
  if (mark && mark.position >= 0 && !isLost(mark.position) && acknowledged?.[5] !== mark.sum) return `fact ${mark.position} is not there as it was acknowledged`;
  for (const { stream, revision, count } of headsOf(file)) {
    if (losses.length === 0 && count !== revision + 1) return `the index says ${count} facts of ${stream}, whose last revision is ${revision}`;
    heads.set(stream, revision);
  }
  const tail = readPage(file, { from: Math.max(0, end - tailFacts + 1), to: end, limit: tailFacts, backwards: false, stream: null });
  const second = tail.rest ? readPage(file, tail.rest) : null;
  const seen = [...tail.findings, ...(second?.findings ?? [])];
  const missing = seen.find(({ kind }) => kind === 'missing-facts');
  if (missing) return missing.message;
  findings.push(...seen);
  const strange = [...tail.rows, ...(second?.rows ?? [])].find((row) => (heads.get(row[1]) ?? -1) < row[2]);
  return strange ? `the index does not know fact ${strange[0]}` : null;
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

// SQLITE_PERM, BUSY, LOCKED, NOMEM, INTERRUPT, IOERR, FULL, CANTOPEN, AUTH
const worldly = new Set([3, 5, 6, 7, 9, 10, 13, 14, 23]);
const shortRead = 522;

/** The machine's trouble (no room, no right, no memory), not the file's. */
export function isWorldly(error: unknown): boolean {
  const code = (error as { errcode?: number }).errcode;
  if (code !== undefined) return code !== shortRead && worldly.has(code & 255);
  return typeof (error as NodeJS.ErrnoException).syscall === 'string';
}
