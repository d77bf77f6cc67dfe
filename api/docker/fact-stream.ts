// fact-stream.ts: the log as server-sent events: history, then the present, and a comment now and then while nothing happens
import { kindOf } from '../../events/index.ts';
import type { Recorded } from '../../events/fact.ts';
import { rfc3339 } from '../../events/time.ts';
import type { Engine } from '../../actors/engine.ts';

export type FactForm = 'facts' | 'cloudevents';

export interface FactQuery {
  /** The position behind which it begins. */
  readonly after: number;
  /** Each list that is not empty must have it. */
  readonly wanted: { readonly streams: readonly string[]; readonly kinds: readonly string[]; readonly types: readonly string[] };
  readonly form: FactForm;
  /** A URI of this daemon, for CloudEvents. */
  readonly source: string;
}

/** Proxies cut connections that are silent for a minute. */
const heartbeat = 15_000_000_000n;

const has = (list: readonly string[], word: string): boolean => list.length === 0 || list.includes(word);
const filter = ({ streams, kinds, types }: FactQuery['wanted']) => ({ stream, type }: Recorded): boolean =>
  has(streams, stream) && has(kinds, kindOf(type)) && has(types, type);

const plain = ({ time, ...fact }: Recorded): object => ({ ...fact, time: time.toString() });
/** CloudEvents 1.0, JSON format; names of extensions have lower-case letters and digits only. */
const cloudEvent = (fact: Recorded, source: string): object => ({
  specversion: '1.0', id: fact.id, source, type: `tallyd.${fact.type}`, subject: fact.stream, time: rfc3339(fact.time), datacontenttype: 'application/json',
  position: String(fact.position), revision: fact.revision, correlationid: fact.cause.correlationId, data: fact.data,
});

const written = (fact: Recorded, { form, source }: FactQuery): string =>
  `id: ${fact.position}\nevent: ${fact.type}\ndata: ${JSON.stringify(form === 'cloudevents' ? cloudEvent(fact, source) : plain(fact))}\n\n`;

/** One batch of the log at a time: who reads slowly is caught up from the log, not from a queue. */
export async function* factStream(engine: Engine, query: FactQuery, signal: AbortSignal): AsyncGenerator<string> {
  const { log, world: { clock } } = engine;
  const over = new AbortController();
  const ended = AbortSignal.any([signal, over.signal]);
  const wanted = filter(query.wanted);
  const batches = log.follow(query.after, ended)[Symbol.asyncIterator]();
  try {
    yield ': the history of this daemon\n\n';
    let next = batches.next();
    for (;;) {
      const beat = new AbortController();
      const silence = clock.until(clock.now() + heartbeat, AbortSignal.any([ended, beat.signal])).then(() => null, () => null);
      const result = await Promise.race([next, silence]);
      beat.abort();
      if (ended.aborted || (result?.done ?? false)) return;
      if (result === null) {
        yield ': nothing new\n\n';
        continue;
      }
      next = batches.next();
      next.catch(() => undefined);
      const told = result.value.filter(wanted).map((fact: Recorded) => written(fact, query)).join('');
      if (told !== '') yield told;
    }
  } finally {
    over.abort();
  }
}
