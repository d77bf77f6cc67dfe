// sqlite-reading.ts: facts read back, each checked; what is damaged or missing is left out and told
import { sumOf } from '../checksum.ts';
import type { Finding } from '../log.ts';
import type { FactFile, Row } from './sqlite-file.ts';

/** What a reader asks for; positions and revisions are inclusive. */
export interface Ask {
  readonly from: number;
  readonly to: number;
  readonly limit: number;
  readonly backwards: boolean;
  readonly stream: StreamAsk | null;
}

/** One stream's facts between two revisions, null where those must be looked up. */
interface StreamAsk {
  readonly name: string;
  readonly first: number | null;
  readonly last: number | null;
}

export interface Page {
  readonly rows: Row[];
  readonly findings: Finding[];
  /** What to ask for the rest; null when there is none. */
  readonly rest: Ask | null;
}

export const readPage = (file: FactFile, ask: Ask): Page => (ask.stream ? readStream(file, ask, ask.stream) : readPositions(file, ask));

/** Damaged facts whose stream is looked up in the index, which is a walk over all of it. */
const lookups = 100;

function readPositions(file: FactFile, ask: Ask): Page {
  const { from, to, backwards } = ask;
  if (from > to || ask.limit <= 0) return { rows: [], findings: [], rest: null };
  const found = query(file, ask) ?? oneByOne(file, ask);
  const rows: Row[] = [];
  const findings: Finding[] = [];
  const step = backwards ? -1 : 1;
  let expected = backwards ? to : from;
  let before = backwards ? null : sumBefore(file, from);
  for (const row of found.rows) {
    if (row[0] !== expected) {
      findings.push(...missing(file, expected, row[0] - step));
      before = null;
    }
    const problem = problemOf(row, before);
    if (problem) findings.push({ kind: 'damaged-fact', stream: streamAt(file, row[0]), position: row[0], message: `fact ${row[0]} ${problem}` });
    if (!problem || problem === unchained) rows.push(row);
    before = problem || backwards ? null : row[5];
    expected = row[0] + step;
  }
  if (expected !== found.end) findings.push(...missing(file, expected, found.end - step));
  const limit = ask.limit - rows.length;
  const left = backwards ? { ...ask, to: found.end, limit } : { ...ask, from: found.end, limit };
  return { rows, findings, rest: left.from > left.to || limit <= 0 ? null : left };
}

/** `end` is the first position that was not looked at. */
interface Found {
  rows: Row[];
  end: number;
}

const pageSize = 500;

/** Null when the database itself is damaged here: what it says in what order cannot be relied on. */
function query(file: FactFile, { from, to, limit, backwards }: Ask): Found | null {
  const size = Math.min(limit, pageSize);
  try {
    const rows = (backwards ? file.statements.backward : file.statements.forward).all(from, to, size) as unknown as Row[];
    const step = backwards ? -1 : 1;
    const ordered = rows.every((row, index) => index === 0 || (row[0] - (rows[index - 1] as Row)[0]) * step > 0);
    if (!ordered) return null;
    const last = rows.at(-1);
    if (rows.length === size && last) return { rows, end: last[0] + step };
    return { rows, end: backwards ? from - 1 : to + 1 };
  } catch {
    return null;
  }
}

/** Each position by itself, so that one damaged page costs no more than the facts on it. */
function oneByOne(file: FactFile, { from, to, limit, backwards }: Ask): Found {
  const rows: Row[] = [];
  const count = Math.min(limit, pageSize, to - from + 1);
  for (let index = 0; index < count; index++) {
    const position = backwards ? to - index : from + index;
    const row = rowAt(file, position);
    if (row) rows.push(row);
  }
  return { rows, end: backwards ? to - count : from + count };
}

export function rowAt(file: FactFile, position: number): Row | null {
  try {
    const row = file.statements.one.get(position) as unknown as Row | undefined;
    return row?.[0] === position ? row : null;
  } catch {
    return null;
  }
}

const sumBefore = (file: FactFile, position: number): number | null => rowAt(file, position - 1)?.[5] ?? null;

const unchained = 'does not follow from the fact before it';

/** What is wrong with a row, given the sum of the row before it where that is known. */
function problemOf(row: Row, before: number | null): string | null {
  const [, , , line, link, sum] = row;
  if (typeof line !== 'string' || sumOf(link, line) !== sum) return 'is damaged: its checksum does not fit';
  if (before !== null && before !== link) return unchained;
  return null;
}

/** Findings for positions without a fact, in either order, by stream as far as the index still knows. */
function missing(file: FactFile, one: number, other: number): Finding[] {
  const first = Math.min(one, other);
  const last = Math.max(one, other);
  if (file.losses.some((loss) => loss.first <= first && last <= loss.last)) return [];
  const message = first === last ? `fact ${first} is missing` : `facts ${first} to ${last} are missing`;
  const streams = streamsWithin(file, first, last);
  if (streams.length === 0) return [{ kind: 'missing-facts', stream: null, position: first, message }];
  return streams.map((stream) => ({ kind: 'missing-facts', stream, position: first, message }));
}

function streamsWithin(file: FactFile, first: number, last: number): string[] {
  try {
    const sql = 'SELECT DISTINCT stream FROM facts INDEXED BY facts_by_stream WHERE position BETWEEN ? AND ? LIMIT ?';
    return (file.database.prepare(sql).all(first, last, lookups) as { stream: string }[]).map(({ stream }) => stream);
  } catch {
    return [];
  }
}

const streamAt = (file: FactFile, position: number): string | null => streamsWithin(file, position, position)[0] ?? null;

/** By the index; where that and the table disagree, by walking over the whole table. */
function readStream(file: FactFile, ask: Ask, { name, ...known }: StreamAsk): Page {
  const limit = Math.min(ask.limit, pageSize);
  if (limit <= 0) return { rows: [], findings: [], rest: null };
  try {
    const first = known.first ?? firstRevision(file, name, ask.from);
    const last = known.last ?? lastRevision(file, name);
    const statement = ask.backwards ? file.statements.ofStreamBackward : file.statements.ofStream;
    const rows = statement.all(name, first, last, limit) as unknown as Row[];
    const start = ask.backwards ? last : first;
    const step = ask.backwards ? -1 : 1;
    const sound = rows.every((row, index) => row[1] === name && row[2] === start + step * index && problemOf(row, null) === null);
    if (!sound || rows.length < Math.min(limit, last - first + 1)) return walk(file, ask, name);
    const within = rows.filter((row) => row[0] >= ask.from && row[0] <= ask.to);
    return { rows: within, findings: [], rest: restOfStream(ask, { name, first, last }, rows, within.length) };
  } catch {
    return walk(file, ask, name);
  }
}

function restOfStream(ask: Ask, { name, first, last }: { name: string; first: number; last: number }, rows: Row[], taken: number): Ask | null {
  const end = rows.at(-1);
  const limit = ask.limit - taken;
  if (!end || limit <= 0) return null;
  if (ask.backwards) return end[0] <= ask.from || end[2] <= first ? null : { ...ask, limit, stream: { name, first, last: end[2] - 1 } };
  return end[0] >= ask.to || end[2] >= last ? null : { ...ask, limit, stream: { name, first: end[2] + 1, last } };
}

/** Revision of a stream's first fact at or after a position; one past the last when there is none. */
function firstRevision(file: FactFile, name: string, from: number): number {
  if (from <= 0) return 0;
  const sql = 'SELECT min(revision) AS revision FROM facts INDEXED BY facts_by_stream WHERE stream = ? AND position >= ?';
  return (file.database.prepare(sql).get(name, from) as { revision: number | null }).revision ?? Number.MAX_SAFE_INTEGER;
}

const lastRevision = (file: FactFile, name: string): number =>
  (file.database.prepare('SELECT max(revision) AS revision FROM facts WHERE stream = ?').get(name) as { revision: number | null }).revision ?? -1;

function walk(file: FactFile, ask: Ask, name: string): Page {
  const rows: Row[] = [];
  const findings: Finding[] = [];
  let rest: Ask | null = { ...ask, stream: null, limit: Number.MAX_SAFE_INTEGER };
  while (rest && rows.length < ask.limit) {
    const page: Page = readPositions(file, rest);
    for (const row of page.rows) if (row[1] === name && rows.length < ask.limit) rows.push(row);
    findings.push(...page.findings.filter(({ stream }) => stream === name || stream === null));
    rest = page.rest;
  }
  return { rows, findings, rest: null };
}
