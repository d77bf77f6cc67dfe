// _damage.ts: a log's files as a killed daemon leaves them, and what must hold whatever befalls them
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lineOf, type Kept } from '../../events/checksum.ts';
import type { Finding } from '../../events/log.ts';
import { closeWriter, commit, openWriter } from '../../events/stores/sqlite-writer.ts';
import { readPage, type Ask, type Page } from '../../events/stores/sqlite-reading.ts';
import type { Row } from '../../events/stores/sqlite-file.ts';

/** By suffix: the database itself, its WAL, the mark. */
export type Files = ReadonlyMap<string, Buffer>;
const suffixes = ['', '-wal', '.mark'];

export const kept = (position: number, stream: string, revision: number): Kept => ({
  position, stream, revision, id: `f${position}`, type: 'container.killed', time: '1764064800123456789', cause: '{"command":"kill"}',
  // Every twelfth spills over the page it stands on.
  data: JSON.stringify({ signal: `${position}-${'y'.repeat(position % 12 === 0 ? 6000 : (position * 37) % 400)}` }),
});

/** Facts in the database itself, and as many in a WAL that nobody had the time to put away. */
export function leftBehind(folder: string, settled: number, fresh: number): { files: Files; facts: Kept[] } {
  const path = join(folder, 'original.db');
  const facts: Kept[] = [];
  const revisions = new Map<string, number>();
  const next = (): Kept => {
    const stream = `container-${(facts.length * 7) % 5}`;
    const revision = (revisions.get(stream) ?? -1) + 1;
    revisions.set(stream, revision);
    const fact = kept(facts.length, stream, revision);
    facts.push(fact);
    return fact;
  };
  const first = openWriter(path);
  for (let index = 0; index < settled; index += 4) commit(first, [next(), next(), next(), next()]);
  closeWriter(first);
  const second = openWriter(path);
  for (let index = 0; index < fresh; index++) commit(second, [next()]);
  const files = new Map(suffixes.filter((suffix) => existsSync(`${path}${suffix}`)).map((suffix) => [suffix, readFileSync(`${path}${suffix}`)]));
  closeWriter(second);
  return { files, facts };
}

export function lay(path: string, files: Files): void {
  for (const suffix of ['', '-wal', '-shm', '.mark', '.lock', '.rescue', '.rescued', '.damaged-1', '.damaged-1-wal']) rmSync(`${path}${suffix}`, { force: true });
  for (const [suffix, bytes] of files) writeFileSync(`${path}${suffix}`, bytes);
}

interface Outcome {
  readonly rows: Row[];
  readonly findings: Finding[];
}

/** Opens, reads all, by stream too, appends one more fact, closes. */
export function live(path: string, streams: readonly string[]): Outcome & { appended: Kept; byStream: Row[] } {
  const writer = openWriter(path);
  try {
    const { rows, findings } = readAll(writer.file, writer.position, null);
    const byStream = streams.flatMap((stream) => readAll(writer.file, writer.position, stream).rows);
    const appended = kept(writer.position + 1, `volume-${writer.position}`, 0);
    const more = commit(writer, [appended]);
    return { rows, byStream, findings: [...writer.findings, ...findings, ...more], appended };
  } finally {
    closeWriter(writer);
  }
}

function readAll(file: Parameters<typeof readPage>[0], head: number, stream: string | null): Outcome {
  const rows: Row[] = [];
  const findings: Finding[] = [];
  let rest: Ask | null = { from: 0, to: head, limit: Number.MAX_SAFE_INTEGER, backwards: false, stream: stream === null ? null : { name: stream, first: null, last: null } };
  while (rest) {
    const page: Page = readPage(file, rest);
    rows.push(...page.rows);
    findings.push(...page.findings);
    rest = page.rest;
  }
  return { rows, findings };
}

/** What is wrong with how a log came through, null when nothing is: no fact changed, none missing in silence, none overwritten. */
export function complaint(path: string, facts: readonly Kept[]): string | null {
  const streams = [...new Set(facts.map(({ stream }) => stream))];
  const first = live(path, streams);
  const again = live(path, [...streams, first.appended.stream]);
  for (const [outcome, expected] of [[first, facts], [again, [...facts, first.appended]]] as const) {
    for (const row of [...outcome.rows, ...outcome.byStream]) {
      const truth = expected.find(({ position }) => position === row[0]);
      if (!truth) return `a fact at ${row[0]} was invented`;
      if (row[1] !== truth.stream || row[2] !== truth.revision || row[3] !== lineOf(truth)) return `fact ${row[0]} was changed`;
    }
    const read = Math.min(outcome.rows.length, outcome.byStream.length);
    if (read < facts.length && outcome.findings.length === 0) return `of ${facts.length} facts ${read} were read, and nothing was said`;
  }
  if (first.appended.position < facts.length) return `the new fact took position ${first.appended.position}`;
  if (!again.rows.some((row) => row[0] === first.appended.position)) return 'the new fact is not there';
  return null;
}

export const lost = (path: string, facts: readonly Kept[]): number => facts.length - live(path, []).rows.filter((row) => row[0] < facts.length).length;
