// memory.ts: the log in memory, for the simulator and for tests: same promises, nothing durable
import type { Proposed, Recorded } from '../fact.ts';
import { absent, Conflict, Unavailable, type Checkpoint, type Log, type Range } from '../log.ts';
import { upcast } from '../past.ts';
import { crier, follow } from './follow.ts';

const batchSize = 500;

export interface MemoryOptions {
  /** Facts that the log begins with, as another log gave them. */
  readonly facts?: readonly Recorded[];
}

/** Facts are in the log, and `head` has moved, when `append` returns; its promise is resolved already. */
export function memoryLog(options: MemoryOptions = {}): Log {
  const facts: Recorded[] = [...(options.facts ?? [])];
  const streams = new Map<string, Recorded[]>();
  const checkpoints = new Map<string, Checkpoint>();
  const { cry, heard } = crier();
  let open = true;
  for (const fact of facts) enter(fact);

  function enter(fact: Recorded): void {
    const stream = streams.get(fact.stream);
    if (stream) stream.push(fact);
    else streams.set(fact.stream, [fact]);
  }
  const head = (): number => facts.at(-1)?.position ?? -1;

  function append(stream: string, expected: number, proposed: readonly Proposed[]): Recorded[] {
    if (!open) throw new Unavailable('the log is closed');
    const earlier = streams.get(stream) ?? [];
    const actual = earlier.at(-1)?.revision ?? absent;
    if (actual !== expected) {
      const before = earlier.filter(({ revision }) => revision > expected && revision <= expected + proposed.length);
      if (sameFacts(before, proposed)) return before;
      throw new Conflict(stream, expected, actual);
    }
    const recorded = proposed.map((fact, index): Recorded => ({
      // As it would be read back from a file: what JSON cannot hold must not seem to be kept.
      ...fact, data: JSON.parse(JSON.stringify(fact.data)) as unknown, position: head() + 1 + index, stream, revision: expected + 1 + index,
    }));
    for (const fact of recorded) {
      facts.push(fact);
      enter(fact);
    }
    if (recorded.length > 0) cry();
    return recorded;
  }

  function* batches(range: Range, last: number): Generator<Recorded[]> {
    const { from = 0, to = last, stream, backwards = false, limit = Infinity } = range;
    const within = stream === undefined ? facts : (streams.get(stream) ?? []);
    const first = indexAfter(within, from - 1);
    const end = indexAfter(within, Math.min(to, last));
    const chosen = within.slice(first, Math.max(first, end));
    if (backwards) chosen.reverse();
    const count = Math.min(limit, chosen.length);
    for (let start = 0; start < count; start += batchSize) yield chosen.slice(start, Math.min(start + batchSize, count)).map((fact) => upcast(fact));
  }

  async function* read(range: Range, last: number): AsyncGenerator<Recorded[]> {
    yield* batches(range, last);
  }

  return {
    append: async (stream, expected, proposed) => append(stream, expected, proposed),
    read: (range = {}) => read(range, head()),
    follow: (after, signal) =>
      follow(
        {
          head,
          recent: (position) => facts.slice(indexAfter(facts, position), indexAfter(facts, position) + batchSize).map((fact) => upcast(fact)),
          read: (from) => read({ from }, head()),
          moved: heard,
          closed: () => !open,
        },
        after,
        signal,
      ),
    head,
    findings: [],
    checkpoints: {
      load: async (fingerprint) => checkpoints.get(fingerprint) ?? null,
      save: async (fingerprint, checkpoint) => {
        checkpoints.clear();
        checkpoints.set(fingerprint, checkpoint);
      },
    },
    close: async () => {
      open = false;
      cry();
    },
  };
}

/** An append tried again: the same facts, by their ids, in the same order. */
export const sameFacts = (recorded: readonly Recorded[], proposed: readonly Proposed[]): boolean =>
  proposed.length > 0 && recorded.length === proposed.length && recorded.every((fact, index) => fact.id === proposed[index]?.id);

/** Index of the first fact after a position, by halving. */
function indexAfter(facts: readonly Recorded[], position: number): number {
  let low = 0;
  let high = facts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((facts[middle] as Recorded).position <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}
