// walk.ts: through the facts of a source: a part of them, or all of them and then whatever is appended
import type { Recorded } from '../../events/fact.ts';
import type { Source } from './source.ts';

export interface Part {
  /** The first number, inclusive; null: from the end that the direction begins with. */
  readonly from: number | null;
  readonly backwards: boolean;
  readonly count: number;
}

/** A stream is told apart by revision, which the log cannot look up; all else by position, which it can. */
function rangeOf({ stream }: Source, { from, backwards, count }: Part) {
  if (stream !== null) return { stream, backwards, limit: from === null ? count : undefined };
  return backwards ? { backwards, to: from ?? undefined } : { from: from ?? undefined };
}

/** At most `count` facts, in batches as the log gives them. */
export async function* part(source: Source, asked: Part): AsyncGenerator<Recorded[]> {
  const { from, backwards } = asked;
  const within = (fact: Recorded) => source.has(fact) && (from === null || (backwards ? source.number(fact) <= from : source.number(fact) >= from));
  let left = asked.count;
  if (left <= 0) return;
  for await (const batch of source.log.read(rangeOf(source, asked))) {
    const wanted = batch.filter(within).slice(0, left);
    left -= wanted.length;
    if (wanted.length > 0) yield wanted;
    if (left <= 0) return;
  }
}

export interface Step {
  readonly facts: readonly Recorded[];
  /** How many facts of the log were looked at for this. */
  readonly looked: number;
  /** Everything up to here was looked at. */
  readonly position: number;
  /** Nothing more was recorded at the time. */
  readonly caughtUp: boolean;
}

/** All facts of a source after a position, and then whatever is appended. The first step comes at once, though it may be empty. */
export async function* onwards(source: Source, after: number, signal: AbortSignal): AsyncGenerator<Step> {
  const { log, stream } = source;
  let position = after;
  const step = (batch: readonly Recorded[], seen: number): Step => {
    position = Math.max(position, seen);
    const facts = stream === null ? batch.filter((fact) => source.has(fact)) : batch;
    return { facts, looked: batch.length, position, caughtUp: position >= log.head() };
  };
  const until = log.head();
  if (stream !== null && position < until) {
    for await (const batch of log.read({ stream, from: position + 1, to: until })) {
      if (signal.aborted) return;
      yield step(batch, batch.at(-1)!.position);
    }
    position = until;
  }
  yield step([], position);
  for await (const batch of log.follow(position, signal)) {
    const last = batch.at(-1)!.position;
    yield step(stream === null ? batch : batch.filter((fact) => source.has(fact)), last);
  }
}
