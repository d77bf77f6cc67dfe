// sqlite.ts: the log in a SQLite database, written and read by a worker thread
import type { Recorded } from '../fact.ts';
import type { Finding, Log, Range } from '../log.ts';
import { upcast } from '../past.ts';
import { checkpointFile } from './checkpoint-file.ts';
import { crier, follow } from './follow.ts';
import { groupCommit } from './group-commit.ts';
import { factOf, type Parsed } from './line.ts';
import type { Ask } from './sqlite-reading.ts';
import { recentFacts } from './tail.ts';
import { startThread, type PageText } from './thread.ts';

export interface SqliteOptions {
  /** Reads beside a daemon that writes, and repairs nothing. */
  readonly readOnly?: boolean;
}

/** How often a reader looks for what another process wrote. */
const lookEveryMs = 250;

/** The most findings that are told: a log with more is beyond being told. */
const findingsKept = 1000;

/**
 * `findings` grows when damage is met later, in reading: what cannot be read is left out of a batch and told there.
 */
export async function openSqliteLog(path: string, { readOnly = false }: SqliteOptions = {}): Promise<Log> {
  const { cry, heard } = crier();
  const thread = await startThread({ path, access: readOnly ? 'read' : 'write' }, cry);
  const { heads, identity } = thread.opened;
  const findings: Finding[] = [];
  const reported = new Set<string>();
  let position = thread.opened.position;
  const tail = recentFacts(position);
  report(thread.opened.findings);

  function report(more: readonly Finding[]): void {
    for (const finding of more) {
      const key = JSON.stringify(finding);
      if (reported.has(key) || reported.size >= findingsKept) continue;
      reported.add(key);
      findings.push(finding);
    }
  }

  async function* batches(first: () => Promise<Ask>): AsyncGenerator<Recorded[]> {
    let next: Promise<PageText> | null = thread.page(await first());
    while (next) {
      const page: PageText = await next;
      // The worker fetches the next page while this one is taken.
      next = page.rest ? thread.page(page.rest) : null;
      next?.catch(() => {});
      report(page.findings);
      const facts = parse(page.rows);
      if (facts.length > 0) yield facts;
    }
  }

  const askFor = ({ from = 0, to = position, stream, backwards = false, limit = Number.MAX_SAFE_INTEGER }: Range): Ask => ({
    from: Math.max(from, 0), to: Math.min(to, position), limit, backwards,
    stream: stream === undefined ? null : { name: stream, first: null, last: readOnly ? null : (heads.get(stream) ?? -1) },
  });
  const read = (range: Range = {}): AsyncIterable<Recorded[]> => {
    if (readOnly) return batches(async () => (await look(), askFor(range)));
    const ask = askFor(range);
    return batches(async () => ask);
  };

  async function look(): Promise<void> {
    const seen = await thread.look();
    if (seen <= position) return;
    position = seen;
    cry();
  }
  const looking = readOnly ? setInterval(() => void look().catch(() => {}), lookEveryMs).unref() : undefined;

  const append = groupCommit({
    heads,
    position: () => position,
    write: async (facts) => report(await thread.append(facts)),
    committed: (facts) => {
      position += facts.length;
      tail.add(facts);
      cry();
    },
    earlier: async (stream, after, count) => {
      const found: Recorded[] = [];
      for await (const batch of read({ stream })) found.push(...batch.filter(({ revision }) => revision > after && revision <= after + count));
      return found;
    },
  });

  return {
    append,
    read,
    follow: (after, signal) =>
      follow({ head: () => position, recent: readOnly ? () => null : tail.after, read: (from) => read({ from }), moved: heard, closed: () => thread.broken() !== null }, after, signal),
    head: () => position,
    findings,
    checkpoints: checkpointFile(`${path}.checkpoint`, identity, () => position),
    close: async () => {
      clearInterval(looking);
      await thread.close();
    },
  };
}

const parse = (rows: string): Recorded[] => (JSON.parse(rows) as Parsed[]).map((line) => upcast(factOf(line)));
