// log.ts: how fast the log takes facts durably, and how fast it gives them back
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Proposed } from '../../events/fact.ts';
import type { Log } from '../../events/log.ts';
import { openSqliteLog } from '../../events/stores/sqlite.ts';

export interface AppendFigures {
  readonly writers: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface LogFigures {
  readonly appends: AppendFigures[];
  readonly readPerSecond: number;
}

const proposed = (id: string): Proposed => ({
  id,
  type: 'container.started',
  data: { pid: 4242, ports: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }] } },
  time: BigInt(Date.now()) * 1_000_000n,
  cause: { command: 'start', commandId: id, correlationId: id, causation: null, caller: { transport: 'unix', uid: 0, pid: 4711, agent: 'Docker-Client/28.2.2 (linux)' } },
});

/** Each writer appends one fact at a time to its own stream and waits until it is durable. */
export async function measureAppends(log: Log, writers: number, seconds: number): Promise<AppendFigures> {
  const took: number[] = [];
  const start = performance.now();
  const until = start + seconds * 1000;
  const run = `${writers}-${start}`;
  const write = async (writer: number): Promise<void> => {
    for (let revision = 0; performance.now() < until; revision++) {
      const asked = performance.now();
      await log.append(`container-${run}-${writer}`, revision - 1, [proposed(`${run}-${writer}-${revision}`)]);
      took.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  const elapsed = (performance.now() - start) / 1000;
  took.sort((one, other) => one - other);
  const at = (share: number): number => took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? 0;
  return { writers, perSecond: took.length / elapsed, p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** The whole log, as a restart without a checkpoint reads it. */
export async function measureReading(log: Log): Promise<number> {
  let facts = 0;
  const start = performance.now();
  for await (const batch of log.read()) facts += batch.length;
  return facts / ((performance.now() - start) / 1000);
}

/** With 1, 10, 100 and 1000 writers, this many seconds each, in a folder of its own. */
export async function measureLog(seconds = 3): Promise<LogFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'tallyd-bench-log-'));
  const log = await openSqliteLog(join(folder, 'log.db'));
  try {
    const appends: AppendFigures[] = [];
    for (const writers of [1, 10, 100, 1000]) appends.push(await measureAppends(log, writers, seconds));
    return { appends, readPerSecond: await measureReading(log) };
  } finally {
    await log.close();
    await rm(folder, { recursive: true, force: true });
  }
}
