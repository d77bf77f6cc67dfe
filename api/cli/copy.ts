// copy.ts: `tallyd log copy FROM TO`: a history moved to another store, and compared at the end
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Recorded } from '../../events/fact.ts';
import type { Log } from '../../events/log.ts';
import { openSqliteLog } from '../../events/stores/sqlite.ts';
import { UsageError } from '../flag-syntax.ts';
import type { Terminal } from './commands.ts';
import { openSource } from './source.ts';
import { readWords } from './words.ts';

const usage = 'tallyd log copy sqlite:FROM sqlite:TO';

export async function copyLog(given: readonly string[], terminal: Terminal): Promise<number> {
  const { rest } = readWords({ usage, words: [2, 2] }, given);
  const [from, to] = rest.map(urlOf) as [string, string];
  if (from === to) throw new UsageError('a log is not copied onto itself');
  const source = await openSource({ url: from, dataRoot: null });
  try {
    const target = await openTarget(to);
    try {
      const head = source.head();
      await fill(source, target, head);
      await compare(source, target, head);
      await terminal.write(`${head + 1} facts copied to ${to}, and compared\n`);
      return 0;
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

const urlOf = (text: string): string => (text.includes(':') ? text : `sqlite:${text}`);

async function openTarget(url: string): Promise<Log> {
  if (!url.startsWith('sqlite:')) throw new UsageError(`${url}: a log is copied into a file, sqlite:PATH`);
  const path = url.slice('sqlite:'.length);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const target = await openSqliteLog(path);
  if (target.head() === -1) return target;
  await target.close();
  throw new Error(`there are facts in ${path} already`);
}

/** Appends under way at once: they share commits, and their order is kept. */
const underWay = 1000;

async function fill(source: Log, target: Log, head: number): Promise<void> {
  const waiting: Promise<Recorded[]>[] = [];
  let expected = 0;
  const flush = async () => void (await Promise.all(waiting.splice(0)));
  for await (const batch of source.read({ to: head })) {
    for (const fact of batch) {
      // What caused a fact is told by its position: those behind a gap would point at the wrong facts.
      if (fact.position !== expected) throw new Error(`fact ${expected} is missing: a log with gaps is not copied, see tallyd verify`);
      expected += 1;
      waiting.push(target.append(fact.stream, fact.revision - 1, [fact]));
      if (waiting.length >= underWay) await flush();
    }
  }
  await flush();
  if (source.findings.length > 0) throw new Error(`${source.findings[0]!.message}: see tallyd verify`);
}

async function compare(source: Log, target: Log, head: number): Promise<void> {
  const copies = target.read()[Symbol.asyncIterator]();
  let batch: Recorded[] = [];
  let index = 0;
  for await (const originals of source.read({ to: head })) {
    for (const original of originals) {
      if (index === batch.length) [batch, index] = [((await copies.next()).value as Recorded[] | undefined) ?? [], 0];
      const copy = batch[index++];
      if (!isDeepStrictEqual(copy, original)) throw new Error(`fact ${original.position} did not come over as it is`);
    }
  }
  if (target.head() !== head) throw new Error(`the copy ends at ${target.head()}, the log at ${head}`);
}
