// sqlite.ts: the log in a SQLite database, written and read by a worker thread
import { Worker } from 'node:worker_threads';
import type { Proposed, Recorded } from '../fact.ts';
import { absent, Conflict, Unavailable, type Finding, type Log, type Range } from '../log.ts';
import { upcast } from '../past.ts';
import { checkpointFile } from './checkpoint-file.ts';
import { crier, follow } from './follow.ts';
import { sameFacts } from './memory.ts';
import type { Ask } from './sqlite-reading.ts';
import type { Reply, Request } from './sqlite-worker.ts';
import type { Incoming } from './sqlite-writer.ts';
import { recentFacts } from './tail.ts';

/** The most facts that one commit takes; what waits beyond them goes into the next. */
const groupFacts = 2048;

interface Waiting {
  readonly stream: string;
  readonly expected: number;
  readonly proposed: readonly Proposed[];
  readonly resolve: (facts: Recorded[]) => void;
  readonly reject: (error: Error) => void;
}

/** Appends that share one commit and one sync. */
interface Group {
  readonly accepted: { readonly waiting: Waiting; readonly facts: Recorded[] }[];
  /** Refused against facts of this same group: told only when those are durable. */
  readonly conflicts: { readonly waiting: Waiting; readonly actual: number }[];
  readonly heads: Map<string, number>;
  size: number;
}

export async function openSqliteLog(path: string): Promise<Log> {
  const worker = new Worker(new URL('./sqlite-worker.ts', import.meta.url), { workerData: { path } });
  const opened = await new Promise<Extract<Reply, { kind: 'opened' }>>((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (reply: Reply) => {
      if (reply.kind === 'opened') resolve(reply);
      else reject(new Error(reply.kind === 'refused' ? reply.message : 'the worker answered out of turn'));
    });
  });
  worker.removeAllListeners('error');
  const ask = (request: Request): void => worker.postMessage(request);

  const heads = opened.heads;
  const findings: Finding[] = [...opened.findings];
  const tail = recentFacts(opened.position);
  const { cry, heard } = crier();
  let position = opened.position;
  let queue: Waiting[] = [];
  let underWay: Group | null = null;
  let closing: { resolve: () => void } | null = null;
  let broken: string | null = null;
  let keys = 0;
  const pages = new Map<number, { resolve: (page: Extract<Reply, { kind: 'page' }>) => void; reject: (error: Error) => void }>();

  worker.on('message', (reply: Reply) => {
    if (reply.kind === 'appended') settle();
    else if (reply.kind === 'failed') fail(reply.message);
    else if (reply.kind === 'page') {
      pages.get(reply.key)?.resolve(reply);
      pages.delete(reply.key);
    }
  });
  worker.on('error', (error) => (broken = error instanceof Error ? error.message : String(error)));
  worker.on('exit', () => {
    broken ??= 'the log is closed';
    if (underWay) fail(broken);
    for (const page of pages.values()) page.reject(new Unavailable(broken));
    pages.clear();
    cry();
    closing?.resolve();
  });

  /** Takes what waits into one commit, if none is under way. */
  function start(): void {
    if (underWay || queue.length === 0) return;
    if (broken) {
      for (const waiting of queue.splice(0)) waiting.reject(new Unavailable(broken));
      return;
    }
    const group: Group = { accepted: [], conflicts: [], heads: new Map(), size: 0 };
    let taken = 0;
    while (taken < queue.length && group.size < groupFacts) enter(group, queue[taken++] as Waiting);
    queue = queue.slice(taken);
    if (group.size === 0) return start();
    underWay = group;
    ask({ kind: 'append', facts: group.accepted.flatMap(({ facts }) => facts.map(incoming)) });
  }

  function enter(group: Group, waiting: Waiting): void {
    const { stream, expected, proposed } = waiting;
    const durable = heads.get(stream) ?? absent;
    const actual = group.heads.get(stream) ?? durable;
    if (actual !== expected) {
      if (group.heads.has(stream)) group.conflicts.push({ waiting, actual });
      else void refuse(waiting, actual);
      return;
    }
    const first = position + 1 + group.size;
    const facts = proposed.map((fact, index): Recorded => ({ ...fact, position: first + index, stream, revision: expected + 1 + index }));
    group.size += facts.length;
    group.heads.set(stream, expected + facts.length);
    group.accepted.push({ waiting, facts });
  }

  /** An append tried again, though its first try came through after all, is answered with what is recorded. */
  async function refuse({ stream, expected, proposed, resolve, reject }: Waiting, actual: number): Promise<void> {
    const earlier: Recorded[] = [];
    if (actual > expected) for await (const batch of read({ stream })) earlier.push(...batch.filter(({ revision }) => revision > expected && revision <= expected + proposed.length));
    if (sameFacts(earlier, proposed)) resolve(earlier);
    else reject(new Conflict(stream, expected, actual));
  }

  function settle(): void {
    const group = underWay as Group;
    underWay = null;
    position += group.size;
    for (const [stream, revision] of group.heads) heads.set(stream, revision);
    for (const { facts } of group.accepted) tail.add(facts);
    start();
    for (const { waiting, facts } of group.accepted) waiting.resolve(facts);
    for (const { waiting, actual } of group.conflicts) void refuse(waiting, actual);
    cry();
  }

  function fail(message: string): void {
    const group = underWay as Group;
    underWay = null;
    const error = new Unavailable(`the log cannot be written: ${message}`);
    for (const { waiting } of [...group.accepted, ...group.conflicts]) waiting.reject(error);
    start();
  }

  const page = (wanted: Ask): Promise<Extract<Reply, { kind: 'page' }>> =>
    new Promise((resolve, reject) => {
      if (broken) return reject(new Unavailable(broken));
      const key = keys++;
      pages.set(key, { resolve, reject });
      ask({ kind: 'read', key, ask: wanted });
    });

  async function* batches(first: Ask): AsyncGenerator<Recorded[]> {
    let next: Promise<Extract<Reply, { kind: 'page' }>> | null = page(first);
    while (next) {
      const { rows, findings: found, rest }: Extract<Reply, { kind: 'page' }> = await next;
      // The worker fetches the next page while this one is taken.
      next = rest ? page(rest) : null;
      next?.catch(() => {});
      findings.push(...found);
      const facts = parse(rows);
      if (facts.length > 0) yield facts;
    }
  }

  const read = (range: Range = {}): AsyncIterable<Recorded[]> => {
    const { from = 0, to = position, stream, backwards = false, limit = Number.MAX_SAFE_INTEGER } = range;
    const name = stream === undefined ? null : { name: stream, first: null, last: heads.get(stream) ?? absent };
    return batches({ from: Math.max(from, 0), to: Math.min(to, position), limit, backwards, stream: name });
  };

  return {
    append: (stream, expected, proposed) =>
      new Promise((resolve, reject) => {
        queue.push({ stream, expected, proposed, resolve, reject });
        start();
      }),
    read,
    follow: (after, signal) => follow({ head: () => position, recent: tail.after, read: (from) => read({ from }), moved: heard, closed: () => broken !== null }, after, signal),
    head: () => position,
    findings,
    checkpoints: checkpointFile(`${path}.checkpoint`, opened.identity, () => position),
    close: () =>
      new Promise((resolve) => {
        if (broken) return resolve();
        closing = { resolve };
        ask({ kind: 'close' });
      }),
  };
}

const incoming = ({ position, stream, revision, id, type, time, cause, data }: Recorded): Incoming => ({
  position, stream, revision, id, type, time: time.toString(), cause: JSON.stringify(cause), data: JSON.stringify(data),
});

type Parsed = [number, string, number, string, string, string, Recorded['cause'], unknown];

function parse(rows: string): Recorded[] {
  return (JSON.parse(rows) as Parsed[]).map(([position, stream, revision, id, type, time, cause, data]) =>
    upcast({ id, type, data, time: BigInt(time), cause, position, stream, revision }),
  );
}
