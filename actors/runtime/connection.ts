// connection.ts: whether containerd answers, and the events it tells
import { setTimeout as pause } from 'node:timers/promises';
import type { Containerd } from '../containerd/client.ts';
import type { Envelope } from '../containerd/messages.ts';

/** Between two questions whether a containerd that is away is back. */
const retryMs = 50;

export interface Connection {
  readonly up: boolean;
  onReconnect(listener: () => void): void;
  onLost(listener: () => void): void;
  /** Resolves at once while containerd answers, else when it does again; rejects when closed or aborted. */
  untilUp(signal?: AbortSignal): Promise<void>;
  close(): void;
}

/**
 * Of a containerd that has answered before. `topics`: of the events to hear, `/tasks/oom`; those of a time without connection
 * are not told.
 */
export function watch(containerd: Containerd, topics: readonly string[], hear: (event: Envelope) => void): Connection {
  const closing = new AbortController();
  const back: (() => void)[] = [];
  const lost: (() => void)[] = [];
  let up = true;
  let waiting = Promise.withResolvers<void>();
  const filters = topics.map((topic) => `namespace==${containerd.namespace},topic=="${topic}"`);

  async function listen(): Promise<void> {
    const { signal } = closing;
    await containerd.call('Version.Version', {}, { signal });
    const events = containerd.stream('Events.Subscribe', { filters }, { signal });
    // Asking for the first one sends the subscription; what is asked after `up` finds it in place.
    let next = events.next();
    next.catch(() => {});
    if (!up) {
      up = true;
      waiting.resolve();
      for (const listener of back) listener();
    }
    for (let event = await next; !event.done; event = await next) {
      next = events.next();
      next.catch(() => {});
      hear(event.value);
    }
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      // Every failure means the same here: not connected any more, or not yet.
      await listen().catch(() => {});
      if (up) {
        up = false;
        waiting = Promise.withResolvers<void>();
        // Nobody may be waiting when this is closed.
        waiting.promise.catch(() => {});
        for (const listener of lost) listener();
      }
      await pause(retryMs, undefined, { signal: closing.signal }).catch(() => {});
    }
    up = false;
    waiting.reject(closing.signal.reason);
  }
  void run();

  return {
    get up() {
      return up;
    },
    onReconnect: (listener) => void back.push(listener),
    onLost: (listener) => void lost.push(listener),
    untilUp: (signal) => (up ? Promise.resolve() : orAborted(waiting.promise, signal)),
    close: () => closing.abort(new Error('the runtime was closed')),
  };
}

/** The promise's outcome, or the signal's reason if that comes first; the promise goes on. */
export function orAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return promise;
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
