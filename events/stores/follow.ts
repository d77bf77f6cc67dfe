// follow.ts: history and then whatever is appended, for any store
import type { Recorded } from '../fact.ts';

/** What a store shows to its followers. */
export interface Followed {
  /** Position of the last durable fact. */
  head(): number;
  /** Facts after a position if they are still at hand, null when the store must be read. */
  recent(after: number): Recorded[] | null;
  read(from: number): AsyncIterable<Recorded[]>;
  /** Resolves when the head moves on, the store is closed, or the signal is aborted. */
  moved(signal: AbortSignal): Promise<void>;
  closed(): boolean;
}

/**
 * One cursor and one source at a time, so nothing can fall between history and the present or come twice. A
 * follower holds no queue: what it has not taken stays in the store, however slow it is.
 */
export async function* follow(store: Followed, after: number, signal: AbortSignal): AsyncGenerator<Recorded[]> {
  let cursor = after;
  while (!signal.aborted && !store.closed()) {
    if (cursor >= store.head()) {
      await store.moved(signal);
      continue;
    }
    const recent = store.recent(cursor);
    if (recent) {
      cursor = recent.at(-1)?.position ?? store.head();
      if (recent.length > 0) yield recent;
      continue;
    }
    const until = store.head();
    for await (const batch of store.read(cursor + 1)) {
      if (signal.aborted) return;
      cursor = batch.at(-1)?.position ?? cursor;
      yield batch;
    }
    // The last facts may be damaged and left out: they are behind us all the same.
    cursor = Math.max(cursor, until);
  }
}

/** The waiting room of followers. */
export function crier() {
  let waiting: (() => void)[] = [];
  return {
    cry(): void {
      const all = waiting;
      waiting = [];
      for (const wake of all) wake();
    },
    heard(signal: AbortSignal): Promise<void> {
      if (signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = (): void => {
          signal.removeEventListener('abort', wake);
          waiting = waiting.filter((other) => other !== wake);
          resolve();
        };
        signal.addEventListener('abort', wake);
        waiting.push(wake);
      });
    },
  };
}
