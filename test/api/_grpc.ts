// _grpc.ts: the service for event clients in this process, and KurrentDB's own client
import { randomUUID } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { AllStreamRecordedEvent, KurrentDBClient, RecordedEvent, ResolvedEvent } from '@kurrent/kurrentdb-client';
import { groupFiles } from '../../api/grpc/group-file.ts';
import { factContent, scratchContent } from '../../api/grpc/record.ts';
import { openEventService, type EventService } from '../../api/grpc/server.ts';
import { linuxClock } from '../../actors/worlds/linux/clock.ts';
import type { Proposed } from '../../events/fact.ts';
import { absent, type Log } from '../../events/log.ts';
import { memoryLog } from '../../events/stores/memory.ts';

/** The client is an optional dependency: null where it is not installed. */
export const kurrent = await import('@kurrent/kurrentdb-client').catch(() => null);

export interface Served {
  readonly log: Log;
  readonly scratch: Log;
  readonly client: KurrentDBClient;
  readonly address: string;
  /** Ends the service and opens it again on the same port, log and files. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface ServeOptions {
  readonly log?: Log;
  readonly scratchPrefix?: string;
}

export async function serve(t: ExecutionContext, { log = memoryLog(), scratchPrefix = 'scratch' }: ServeOptions = {}): Promise<Served> {
  const folder = await mkdtemp(join(tmpdir(), 'tally-grpc-'));
  const scratch = memoryLog();
  const faults: string[] = [];
  let port = 0;
  const open = async () => {
    const opened = await openEventService({
      listen: { host: '127.0.0.1', port }, tls: null, clock: linuxClock(), uuid: randomUUID, files: groupFiles(folder), report: (sentence) => faults.push(sentence),
      areas: { engine: { log, content: factContent }, scratch: { log: scratch, content: scratchContent, prefix: scratchPrefix } },
    });
    port = opened.port;
    return opened;
  };
  let service: EventService = await open();
  let changing: Promise<void> = Promise.resolve();
  const address = `kurrentdb://127.0.0.1:${port}?tls=false`;
  const client = clientOf(t, address);
  t.teardown(async () => {
    await changing;
    await service.close();
    await log.close();
    await scratch.close();
    await rm(folder, { recursive: true, force: true });
    if (faults.length > 0) throw new Error(`the service reported faults: ${faults.join('; ')}`);
  });
  return {
    log, scratch, client, address,
    restart() {
      changing = changing.then(async () => {
        await service.close();
        service = await open();
      });
      return changing;
    },
    stop: () => service.close(),
  };
}

export function clientOf(t: ExecutionContext, address: string): KurrentDBClient {
  const client = kurrent!.KurrentDBClient.connectionString(address);
  t.teardown(() => client.dispose());
  return client;
}

/** A fact with an id as the engine makes them. */
export const happening = (type: string, data: object = {}): Proposed => ({
  id: randomUUID(), type, data, time: 1_764_064_800_123_456_789n,
  cause: { command: 'start', commandId: 'c1', correlationId: 'r1', causation: null, caller: { transport: 'unix', uid: 0, pid: 7 } },
});

const kinds = ['container-a', 'image-1', 'container-b', 'network-n'];
/** So many facts more, over streams of several kinds in turn. */
export async function happen(log: Log, count: number): Promise<void> {
  for (let made = 0; made < count; made += 1) {
    const stream = kinds[(log.head() + 1) % kinds.length]!;
    const type = stream.startsWith('container') ? ['container.started', 'container.exited'][made % 2]! : `${stream.split('-')[0]}.created`;
    let last = absent;
    for await (const [fact] of log.read({ stream, backwards: true, limit: 1 })) last = fact!.revision;
    await log.append(stream, last, [happening(type, { number: log.head() + 1 })]);
  }
}

export type Seen = RecordedEvent | AllStreamRecordedEvent;
export const shown = ({ event, link }: ResolvedEvent): Seen => (event ?? link) as Seen;
export const numberOf = (event: Seen): number => (event.data as { number: number }).number;

/** The first so many of what a client reads or is sent; a subscription then ends. */
export async function first<T>(events: AsyncIterable<T>, count: number): Promise<T[]> {
  if (count <= 0) return [];
  if ('unsubscribe' in events) return firstSent(events as unknown as Subscribed, count) as Promise<T[]>;
  const taken: T[] = [];
  for await (const event of events) {
    taken.push(event);
    if (taken.length >= count) break;
  }
  return taken;
}

interface Subscribed extends EventEmitter {
  resume(): void;
  unsubscribe(): Promise<void>;
}

/** What is on its way when the subscription ends is taken too: else the client never notices its end. */
function firstSent(subscription: Subscribed, count: number): Promise<unknown[]> {
  const taken: unknown[] = [];
  return new Promise((resolve, reject) => {
    subscription.on('error', reject);
    subscription.on('data', (event) => {
      taken.push(event);
      if (taken.length !== count) return;
      void subscription.unsubscribe();
      resolve(taken.slice(0, count));
    });
    subscription.resume();
  });
}
