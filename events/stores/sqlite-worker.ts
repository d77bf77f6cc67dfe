// sqlite-worker.ts: the thread in which the database is written and read, so that no sync holds up the daemon
import { parentPort, workerData } from 'node:worker_threads';
import type { Kept } from '../checksum.ts';
import type { Finding } from '../log.ts';
import { diagnoseForReader, messageOf } from './diagnosis.ts';
import { lastFact, openFactFile, type FactFile, type Row } from './sqlite-file.ts';
import { readPage, type Ask } from './sqlite-reading.ts';
import { closeWriter, commit, openWriter } from './sqlite-writer.ts';

export interface Setting {
  readonly path: string;
  readonly access: 'write' | 'read';
}

export interface Opened {
  readonly position: number;
  /** The last revision of each stream; empty for a reader, who checks none. */
  readonly heads: Map<string, number>;
  readonly findings: readonly Finding[];
  readonly identity: string;
}

export type Request = { readonly kind: 'append'; readonly facts: readonly Kept[] } | { readonly kind: 'read'; readonly ask: Ask } | { readonly kind: 'look' } | { readonly kind: 'close' };

export type Reply =
  | { readonly kind: 'opened'; readonly opened: Opened }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'appended'; readonly findings: readonly Finding[] }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'page'; readonly rows: string; readonly findings: readonly Finding[]; readonly rest: Ask | null }
  | { readonly kind: 'head'; readonly position: number }
  | { readonly kind: 'closed' };

/** What a writer and a reader do differently. */
interface Desk {
  readonly opened: Opened;
  file(): FactFile;
  append(facts: readonly Kept[]): readonly Finding[];
  close(): void;
}

function writingDesk(path: string): Desk {
  const writer = openWriter(path);
  return {
    opened: { position: writer.position, heads: writer.heads, findings: writer.findings, identity: writer.file.identity },
    file: () => writer.file,
    append: (facts) => commit(writer, facts),
    close: () => closeWriter(writer),
  };
}

/** A reader repairs nothing. */
function readingDesk(path: string): Desk {
  const findings = diagnoseForReader(path);
  const file = openFactFile(path, 'read');
  return {
    opened: { position: endOf(file), heads: new Map(), findings, identity: file.identity },
    file: () => file,
    append: () => {
      throw new Error('the log was opened for reading');
    },
    close: () => file.database.close(),
  };
}

const endOf = (file: FactFile): number => Math.max(lastFact(file)?.position ?? -1, ...file.losses.map((loss) => loss.last));

function answer(desk: Desk, request: Request): Reply {
  try {
    switch (request.kind) {
      case 'append':
        return { kind: 'appended', findings: desk.append(request.facts) };
      case 'read': {
        const { rows, findings, rest } = readPage(desk.file(), request.ask);
        return { kind: 'page', rows: textOf(rows), findings, rest };
      }
      case 'look':
        return { kind: 'head', position: endOf(desk.file()) };
      case 'close':
        desk.close();
        return { kind: 'closed' };
    }
  } catch (error) {
    return { kind: 'failed', message: messageOf(error) };
  }
}

const port = parentPort;
if (!port) throw new Error('this file runs as a worker');
const reply = (message: Reply): void => port.postMessage(message);

try {
  const { path, access } = workerData as Setting;
  const desk = access === 'write' ? writingDesk(path) : readingDesk(path);
  reply({ kind: 'opened', opened: desk.opened });
  port.on('message', (request: Request) => {
    reply(answer(desk, request));
    if (request.kind === 'close') port.close();
  });
} catch (error) {
  reply({ kind: 'refused', message: messageOf(error) });
}

/** One JSON text for all rows: it crosses to the main thread by a copy of memory and is parsed there in one go. */
const textOf = (rows: readonly Row[]): string => `[${rows.map((row) => row[3]).join(',')}]`;
