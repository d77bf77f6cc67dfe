// source.ts: the log that a command reads: a running daemon's, beside it, or a copy of its files
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { positionBy } from '../../actors/past.ts';
import type { Log } from '../../events/log.ts';
import { openSqliteLog } from '../../events/stores/sqlite.ts';
import type { Moment } from '../docker/moment.ts';
import { UsageError } from '../flag-syntax.ts';
import type { Words } from './words.ts';

export interface Source {
  /** `sqlite:/var/lib/tallyd/log/log.db`. */
  readonly url: string;
  /** Null: it is not known where the daemon of this log keeps its data. */
  readonly dataRoot: string | null;
}

const usualRoot = '/var/lib/tallyd';

export function sourceOf(words: Words): Source {
  const [dataRoot, url] = [words.text('data-root'), words.text('event-log')];
  if (dataRoot !== null && url !== null) throw new UsageError('--data-root and --event-log both say where the log is: give one of them');
  if (url !== null) return { url, dataRoot: null };
  const root = dataRoot ?? usualRoot;
  return { url: `sqlite:${root}/log/log.db`, dataRoot: root };
}

/** The file of a log that is kept in one. */
export function fileOf({ url }: Source): string {
  if (!url.startsWith('sqlite:')) throw new UsageError(`--event-log ${url}: this needs a log in a file, sqlite:PATH`);
  const path = url.slice('sqlite:'.length);
  if (!existsSync(path) && !existsSync(`${path}.mark`)) throw new Error(`there is no log at ${path}`);
  return path;
}

/** Repairs nothing, writes nothing. */
export const openSource = (source: Source): Promise<Log> => openSqliteLog(fileOf(source), { readOnly: true });

/** Opens the log for as long as the work takes. */
export async function withLog<T>(source: Source, work: (log: Log) => Promise<T>): Promise<T> {
  const log = await openSource(source);
  try {
    return await work(log);
  } finally {
    await log.close();
  }
}

/** Who wrote the log, where that is known. */
export function engineIdOf({ dataRoot }: Source): string {
  const path = join(dataRoot ?? '', 'engine-id');
  return dataRoot !== null && existsSync(path) ? readFileSync(path, 'utf8').trim() : 'unknown';
}

/** The last position that belongs to the moment. A position that the log does not reach is refused. */
export async function positionOf(log: Log, at: Moment): Promise<number> {
  if ('time' in at) return positionBy(log, at.time);
  if (at.position > log.head()) throw new Error(`position ${at.position} is behind the end of the log, which is ${log.head()}`);
  return at.position;
}
