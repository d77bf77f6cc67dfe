// thread.ts: the main thread's end of the line to the database's worker
import { Worker } from 'node:worker_threads';
import type { Kept } from '../checksum.ts';
import { Unavailable, type Finding } from '../log.ts';
import type { Ask } from './sqlite-reading.ts';
import type { Opened, Reply, Request, Setting } from './sqlite-worker.ts';

export interface PageText {
  /** JSON of the rows. */
  readonly rows: string;
  readonly findings: readonly Finding[];
  readonly rest: Ask | null;
}

export interface Thread {
  readonly opened: Opened;
  /** Resolves when the facts are durable, with what was found damaged meanwhile. */
  append(facts: readonly Kept[]): Promise<readonly Finding[]>;
  page(ask: Ask): Promise<PageText>;
  /** Position of the last fact, as others wrote it. */
  look(): Promise<number>;
  close(): Promise<void>;
  /** Why the thread is no more; null while it lives. */
  broken(): string | null;
}

interface Caller {
  resolve: (reply: Reply) => void;
  reject: (error: Error) => void;
}

/** Requests are answered in the order in which they were made. */
export async function startThread(setting: Setting, ended: () => void): Promise<Thread> {
  const worker = new Worker(new URL('./sqlite-worker.ts', import.meta.url), { workerData: setting });
  const callers: Caller[] = [];
  let broken: string | null = null;

  const call = <Kind extends Reply['kind']>(kind: Kind, request: Request | null): Promise<Extract<Reply, { kind: Kind }>> =>
    new Promise((resolve, reject) => {
      if (broken !== null) return reject(new Unavailable(broken));
      callers.push({
        resolve: (reply) => (reply.kind === kind ? resolve(reply as Extract<Reply, { kind: Kind }>) : reject(refusal(reply))),
        reject,
      });
      if (request) worker.postMessage(request, []);
    });
  worker.on('message', (reply: Reply) => callers.shift()?.resolve(reply));
  worker.on('error', (error) => (broken ??= error instanceof Error ? error.message : String(error)));
  worker.on('exit', () => {
    broken ??= 'the log is closed';
    for (const caller of callers.splice(0)) caller.reject(new Unavailable(broken));
    ended();
  });

  const { opened } = await call('opened', null);
  return {
    opened,
    append: async (facts) => (await call('appended', { kind: 'append', facts })).findings,
    page: (ask) => call('page', { kind: 'read', ask }),
    look: async () => (await call('head', { kind: 'look' })).position,
    close: async () => {
      if (broken !== null) return;
      const exit = new Promise<void>((resolve) => void worker.once('exit', () => resolve()));
      await call('closed', { kind: 'close' });
      await exit;
    },
    broken: () => broken,
  };
}

const refusal = (reply: Reply): Error =>
  reply.kind === 'failed' ? new Unavailable(reply.message) : new Error(reply.kind === 'refused' ? reply.message : `the log's thread answered with ${reply.kind}`);
