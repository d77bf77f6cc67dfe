// verify.ts: the whole log looked through, fact by fact, and copied while it is in use
import { existsSync, renameSync, rmSync } from 'node:fs';
import { backup } from 'node:sqlite';
import type { Finding } from '../log.ts';
import { checkFact, upcast } from '../past.ts';
import { diagnoseForReader } from './diagnosis.ts';
import { openMark, readMark } from './mark.ts';
import { factOf, type Parsed } from './line.ts';
import { headsOf, lastFact, openFactFile, type FactFile, type Row } from './sqlite-file.ts';
import { readPage, type Ask, type Page } from './sqlite-reading.ts';

export interface Verification {
  /** Facts that are whole. */
  readonly facts: number;
  /** Position of the last one. */
  readonly head: number;
  readonly findings: readonly Finding[];
}

/** Checksums, chain, mark, index and shapes of a log, which a daemon may be writing meanwhile. Repairs nothing. */
export async function verifyLog(path: string): Promise<Verification> {
  const findings = diagnoseForReader(path);
  let file: FactFile;
  try {
    file = openFactFile(path, 'read');
  } catch {
    return { facts: 0, head: -1, findings };
  }
  try {
    const mark = readMark(path)?.mark?.position ?? -1;
    const head = Math.max(lastPosition(file), mark, ...file.losses.map((loss) => loss.last));
    const { facts, streams, found } = await walk(file, head);
    findings.push(...found.filter((finding) => !findings.some((known) => known.kind === finding.kind && known.position === finding.position && known.stream === finding.stream)));
    return { facts, head, findings: [...findings, ...indexFindings(file, streams, head)] };
  } finally {
    file.database.close();
  }
}

function lastPosition(file: FactFile): number {
  try {
    return lastFact(file)?.position ?? -1;
  } catch {
    return -1;
  }
}

interface Walk {
  readonly facts: number;
  /** The last revision of each stream, by the facts themselves. */
  readonly streams: Map<string, number>;
  readonly found: Finding[];
}

async function walk(file: FactFile, head: number): Promise<Walk> {
  const streams = new Map<string, number>();
  const found: Finding[] = [];
  let facts = 0;
  let rest: Ask | null = { from: 0, to: head, limit: Number.MAX_SAFE_INTEGER, backwards: false, stream: null };
  while (rest) {
    const page: Page = readPage(file, rest);
    for (const row of page.rows) {
      if (row[2] !== (streams.get(row[1]) ?? -1) + 1) {
        found.push({ kind: 'missing-facts', stream: row[1], position: row[0], message: `fact ${row[0]} is revision ${row[2]} of ${row[1]}; what stands before it is revision ${streams.get(row[1]) ?? -1}` });
      }
      streams.set(row[1], row[2]);
      found.push(...misshapen(row));
    }
    facts += page.rows.length;
    found.push(...page.findings);
    rest = page.rest;
    await new Promise((resolve) => void setImmediate(resolve));
  }
  return { facts, streams, found };
}

/** The fact is whole, but is not one that this version knows. */
function misshapen(row: Row): Finding[] {
  const fact = upcast(factOf(JSON.parse(row[3]) as Parsed));
  return checkFact(fact).map((message) => ({ kind: 'damaged-fact', stream: fact.stream, position: fact.position, message: `fact ${fact.position} does not fit its schema: ${message}` }));
}

/** Only up to `head`: more may have been written since. */
function indexFindings(file: FactFile, streams: ReadonlyMap<string, number>, head: number): Finding[] {
  const wrong = (stream: string | null, message: string): Finding => ({ kind: 'damaged-file', stream, position: null, message });
  try {
    file.database.exec('BEGIN');
    const moved = lastPosition(file) > head;
    const indexed = moved ? streams : new Map(headsOf(file).map(({ stream, revision }) => [stream, revision]));
    file.database.exec('COMMIT');
    const disagree = [...new Set([...indexed.keys(), ...streams.keys()])].filter((stream) => indexed.get(stream) !== streams.get(stream));
    return disagree.map((stream) => wrong(stream, `the index says ${indexed.get(stream) ?? 'nothing'} of ${stream}, the facts say ${streams.get(stream) ?? 'nothing'}`));
  } catch (error) {
    return [wrong(null, `the index is damaged: ${String(error)}`)];
  }
}

/** A copy of the log as it is at one moment, complete with its mark; the log may be in use. `target` must not exist. */
export async function backupLog(path: string, target: string): Promise<void> {
  if (existsSync(target)) throw new Error(`${target} exists already`);
  const source = openFactFile(path, 'read');
  const partial = `${target}.partial`;
  try {
    rmSync(partial, { force: true });
    // All pages in one step: steps between which a daemon commits would start from the beginning again and again.
    await backup(source.database, partial, { rate: 2 ** 30 });
  } finally {
    source.database.close();
  }
  const copy = openFactFile(partial, 'write');
  try {
    const last = lastFact(copy);
    openMark(target, last?.position ?? -1, last?.sum ?? 0).close();
  } finally {
    copy.database.close();
  }
  renameSync(partial, target);
}
