// sqlite-worker.ts: the thread in which the database is written and read, so that no sync holds up the daemon
import { parentPort, workerData } from 'node:worker_threads';
import type { Finding } from '../log.ts';
import { openFactFile, type Row } from './sqlite-file.ts';
import { readPage, type Ask } from './sqlite-reading.ts';
import { closeWriter, commit, heads, openWriter, type Incoming } from './sqlite-writer.ts';

export type Request =
  | { readonly kind: 'append'; readonly facts: readonly Incoming[] }
  | { readonly kind: 'read'; readonly key: number; readonly ask: Ask }
  | { readonly kind: 'close' };

export type Reply =
  | { readonly kind: 'opened'; readonly position: number; readonly heads: Map<string, number>; readonly findings: readonly Finding[]; readonly identity: string }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'appended' }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'page'; readonly key: number; readonly rows: string; readonly findings: readonly Finding[]; readonly rest: Ask | null }
  | { readonly kind: 'closed' };

const port = parentPort;
if (!port) throw new Error('this file runs as a worker');
const reply = (message: Reply): void => port.postMessage(message);
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

try {
  const writer = openWriter((workerData as { path: string }).path);
  reply({ kind: 'opened', position: writer.position, heads: heads(writer), findings: writer.findings, identity: writer.file.identity });

  port.on('message', (request: Request) => {
    if (request.kind === 'append') {
      try {
        commit(writer, request.facts);
        reply({ kind: 'appended' });
      } catch (error) {
        reply({ kind: 'failed', message: messageOf(error) });
      }
    } else if (request.kind === 'read') {
      const { rows, findings, rest } = readPage(writer.file, request.ask);
      reply({ kind: 'page', key: request.key, rows: textOf(rows), findings, rest });
    } else {
      closeWriter(writer);
      reply({ kind: 'closed' });
      port.close();
    }
  });
} catch (error) {
  reply({ kind: 'refused', message: messageOf(error) });
  port.close();
}

/** One JSON text for all rows: it crosses to the main thread by a copy of memory and is parsed there in one go. */
function textOf(rows: readonly Row[]): string {
  const texts = rows.map(
    ([position, stream, revision, id, type, time, cause, data]) => `[${position},${quoted(stream)},${revision},${JSON.stringify(id)},${quoted(type)},"${time}",${cause},${data}]`,
  );
  return `[${texts.join(',')}]`;
}

/** Streams and types come again and again. */
const quotes = new Map<string, string>();
const quotesKept = 10_000;
function quoted(text: string): string {
  let found = quotes.get(text);
  if (found) return found;
  found = JSON.stringify(text);
  if (quotes.size >= quotesKept) quotes.clear();
  quotes.set(text, found);
  return found;
}
