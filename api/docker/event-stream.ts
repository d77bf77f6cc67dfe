// event-stream.ts: the log as a stream of `docker events`: history, then the present, with no gap and no duplicate between
import type { Recorded } from '../../events/fact.ts';
import { noticeFilter, type NoticeFilters } from '../../events/filter.ts';
import type { Log } from '../../events/log.ts';
import { noticeJson, teller, type Notice, type Teller } from '../../events/notice.ts';
import type { Engine } from '../../actors/engine.ts';
import { positionAt } from '../../actors/moments.ts';
import type { Moment } from './moment.ts';

export interface EventQuery {
  /** Null: from now on. A position is one that was seen already: what follows it is told. */
  readonly since: Moment | null;
  /** Null: without end. Inclusive. */
  readonly until: Moment | null;
  readonly filters: NoticeFilters;
  /** Of the API. */
  readonly version: number;
}

const subscribers = new WeakMap<Engine, number>();
export const subscriberCount = (engine: Engine): number => subscribers.get(engine) ?? 0;

/** Images that come without a pull have been told of since 1.46. moby: router/system getEvents */
const knownTo = (version: number) => (notice: Notice) => version >= 46 || notice.type !== 'image' || notice.action !== 'create';

/** Lines of JSON, a chunk for each batch of the log: who reads slowly is caught up from the log, not from a queue. */
export async function* eventStream(engine: Engine, query: EventQuery, signal: AbortSignal): AsyncGenerator<string> {
  const wanted = noticeFilter(query.filters);
  const shown = knownTo(query.version);
  const told = teller();
  subscribers.set(engine, subscriberCount(engine) + 1);
  try {
    for await (const batch of factsOf(engine, query, signal)) {
      const written: string[] = [];
      for (const fact of batch) {
        if (!told.knows(fact)) await lookUp(engine.log, told, fact);
        const notice = told.tell(fact);
        if (notice && shown(notice) && wanted(notice)) written.push(noticeJson(notice));
      }
      if (written.length > 0) yield `${written.join('\n')}\n`;
    }
  } finally {
    subscribers.set(engine, subscriberCount(engine) - 1);
  }
}

/** A reader that began behind the entity's creation learns its name and labels from the entity's own stream. */
async function lookUp(log: Log, told: Teller, { stream, position }: Recorded): Promise<void> {
  for await (const batch of log.read({ stream, to: position - 1 })) for (const fact of batch) told.learn(fact);
}

/** The facts from `since` to `until`. */
async function* factsOf(engine: Engine, { since, until }: EventQuery, signal: AbortSignal): AsyncGenerator<Recorded[]> {
  const { log, world } = engine;
  const from = await firstPosition(log, since, until);
  const now = world.clock.now();
  if (until === null) yield* log.follow(from - 1, signal);
  else if ('position' in until) yield* until.position <= log.head() ? log.read({ from, to: until.position }) : followTo(log, from, until.position, signal);
  else if (until.time < now) yield* upTo(log.read({ from, to: log.head() }), until.time);
  else yield* upTo(followUntil(engine, from, until.time, signal), until.time);
}

/** With neither, Docker tells nothing of the past; with an end alone, all of it. */
async function firstPosition(log: Log, since: Moment | null, until: Moment | null): Promise<number> {
  if (since === null) return until === null ? log.head() + 1 : 0;
  return 'position' in since ? since.position + 1 : positionAt(log, since.time);
}

async function* upTo(batches: AsyncIterable<Recorded[]>, time: bigint): AsyncGenerator<Recorded[]> {
  for await (const batch of batches) {
    const early = batch.filter((fact) => fact.time <= time);
    if (early.length > 0) yield early;
  }
}

async function* followTo(log: Log, from: number, last: number, signal: AbortSignal): AsyncGenerator<Recorded[]> {
  if (from > last) return;
  for await (const batch of log.follow(from - 1, signal)) {
    yield batch.filter(({ position }) => position <= last);
    if (batch.at(-1)!.position >= last) return;
  }
}

/** Ends when the time has come and all that was recorded by then is told. */
async function* followUntil(engine: Engine, from: number, time: bigint, signal: AbortSignal): AsyncGenerator<Recorded[]> {
  const { log, world } = engine;
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  let last = Number.POSITIVE_INFINITY;
  let told = from - 1;
  const wait = new AbortController();
  void world.clock.until(time, AbortSignal.any([signal, wait.signal])).then(
    () => {
      last = log.head();
      if (told >= last) over.abort();
    },
    () => undefined,
  );
  try {
    for await (const batch of log.follow(told, either)) {
      yield batch;
      told = batch.at(-1)!.position;
      if (told >= last) return;
    }
  } finally {
    wait.abort();
  }
}
