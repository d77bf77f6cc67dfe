// group-commit.ts: appends that wait while a commit is under way share the next one, and its sync
import { isPlain, type Kept } from '../checksum.ts';
import type { Proposed, Recorded } from '../fact.ts';
import { absent, Conflict, Unavailable } from '../log.ts';
import { sameFacts } from './memory.ts';

/** The most facts that one commit takes; what waits beyond them goes into the next. */
const groupFacts = 2048;

export interface Committing {
  /** The last durable revision of each stream. */
  readonly heads: Map<string, number>;
  /** Position of the last durable fact. */
  position(): number;
  /** Resolves when the facts are durable. */
  write(facts: readonly Kept[]): Promise<void>;
  /** Called before anybody is told that these facts are durable. */
  committed(facts: readonly Recorded[]): void;
  /** Facts of a stream after a revision. */
  earlier(stream: string, after: number, count: number): Promise<Recorded[]>;
}

/** Cause and data as JSON: made when the append is asked for, so that what has no JSON spoils no one else's. */
interface Text {
  readonly cause: string;
  readonly data: string;
}

interface Waiting {
  readonly stream: string;
  readonly expected: number;
  readonly proposed: readonly Proposed[];
  readonly texts: readonly Text[];
  readonly resolve: (facts: Recorded[]) => void;
  readonly reject: (error: Error) => void;
}

interface Group {
  readonly accepted: { readonly waiting: Waiting; readonly facts: Recorded[] }[];
  /** Refused against facts of this same group: told only when those are durable. */
  readonly conflicts: { readonly waiting: Waiting; readonly actual: number }[];
  readonly heads: Map<string, number>;
  readonly facts: Kept[];
}

export function groupCommit(store: Committing): (stream: string, expected: number, proposed: readonly Proposed[]) => Promise<Recorded[]> {
  let queue: Waiting[] = [];
  let busy = false;

  async function work(): Promise<void> {
    busy = true;
    while (queue.length > 0) {
      const group = nextGroup();
      if (group.facts.length === 0) settle(group);
      else {
        try {
          await store.write(group.facts);
        } catch (error) {
          fail(group, error);
          continue;
        }
        for (const [stream, revision] of group.heads) store.heads.set(stream, revision);
        store.committed(group.accepted.flatMap(({ facts }) => facts));
        settle(group);
      }
    }
    busy = false;
  }

  function nextGroup(): Group {
    const group: Group = { accepted: [], conflicts: [], heads: new Map(), facts: [] };
    let taken = 0;
    while (taken < queue.length && group.facts.length < groupFacts) enter(group, queue[taken++] as Waiting);
    queue = queue.slice(taken);
    return group;
  }

  function enter(group: Group, waiting: Waiting): void {
    const { stream, expected, proposed } = waiting;
    const actual = group.heads.get(stream) ?? store.heads.get(stream) ?? absent;
    if (actual !== expected) {
      group.conflicts.push({ waiting, actual });
      return;
    }
    const first = store.position() + 1 + group.facts.length;
    const facts = proposed.map(({ id, type, data, time, cause }, index): Recorded => ({ id, type, data, time, cause, position: first + index, stream, revision: expected + 1 + index }));
    for (const [index, fact] of facts.entries()) group.facts.push(kept(fact, waiting.texts[index] as Text));
    if (facts.length > 0) group.heads.set(stream, expected + facts.length);
    group.accepted.push({ waiting, facts });
  }

  function settle(group: Group): void {
    for (const { waiting, facts } of group.accepted) waiting.resolve(facts);
    for (const { waiting, actual } of group.conflicts) refuse(waiting, actual).catch(waiting.reject);
  }

  /** An append tried again, though its first try came through after all, is answered with what is recorded. */
  async function refuse({ stream, expected, proposed, resolve, reject }: Waiting, actual: number): Promise<void> {
    const earlier = actual > expected ? await store.earlier(stream, expected, proposed.length) : [];
    if (sameFacts(earlier, proposed)) resolve(earlier);
    else reject(new Conflict(stream, expected, actual));
  }

  function fail(group: Group, error: unknown): void {
    const unavailable = new Unavailable(`the log cannot be written: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    for (const { waiting } of [...group.accepted, ...group.conflicts]) waiting.reject(unavailable);
  }

  return async (stream, expected, proposed) => {
    const texts = textsOf(stream, proposed);
    return new Promise((resolve, reject) => {
      queue.push({ stream, expected, proposed, texts, resolve, reject });
      if (!busy) void work();
    });
  };
}

const latest = 2n ** 63n;

/** Throws for what cannot be kept as it is. */
function textsOf(stream: string, proposed: readonly Proposed[]): Text[] {
  if (!isPlain(stream)) throw new TypeError(`no stream can be named ${JSON.stringify(stream)}`);
  return proposed.map(({ id, type, data, time, cause }) => {
    if (!isPlain(id) || !isPlain(type)) throw new TypeError(`no fact can be named ${JSON.stringify([id, type])}`);
    if (data === undefined || time < 0n || time >= latest) throw new TypeError(`fact ${id} has no data, or a time out of range`);
    return { cause: JSON.stringify(cause), data: JSON.stringify(data) };
  });
}

const kept = ({ position, stream, revision, id, type, time }: Recorded, { cause, data }: Text): Kept => ({
  position, stream, revision, id, type, time: time.toString(), cause, data,
});
