// turns.ts: who may go on: one at a time for a key, so many at a time for a gate; waiting ends when it is aborted

const aborted = (signal: AbortSignal): { wait: Promise<never>; stop(): void } => {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  const onAbort = (): void => reject(signal.reason as Error);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort);
  return { wait: promise, stop: () => signal.removeEventListener('abort', onAbort) };
};

const wait = async (before: Promise<unknown>, signal: AbortSignal): Promise<void> => {
  const abort = aborted(signal);
  try {
    await Promise.race([before, abort.wait]);
  } finally {
    abort.stop();
  }
};

export interface Turns {
  /** Work on the same key never overlaps. */
  take<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}

export const takeTurns = (): Turns => {
  const last = new Map<string, Promise<unknown>>();
  return {
    async take(key, signal, work) {
      const before = last.get(key) ?? Promise.resolve();
      const { promise: mine, resolve: done } = Promise.withResolvers<void>();
      const both = Promise.all([before, mine]);
      last.set(key, both);
      try {
        await wait(before, signal);
        return await work();
      } finally {
        done();
        void both.then(() => last.get(key) === both && last.delete(key));
      }
    },
  };
};

export interface Gate {
  /** `waiting` is called when all places are taken. */
  pass<T>(signal: AbortSignal, waiting: () => void, work: () => Promise<T>): Promise<T>;
}

export const openGate = (places: number): Gate => {
  const queue: (() => void)[] = [];
  let free = places;
  const leave = (): void => {
    const next = queue.shift();
    if (next === undefined) free++;
    else next();
  };
  const enter = async (signal: AbortSignal, waiting: () => void): Promise<void> => {
    if (free > 0) {
      free--;
      return;
    }
    waiting();
    const { promise, resolve } = Promise.withResolvers<void>();
    queue.push(resolve);
    try {
      await wait(promise, signal);
    } catch (error) {
      const at = queue.indexOf(resolve);
      if (at === -1) leave();
      else queue.splice(at, 1);
      throw error;
    }
  };
  return {
    async pass(signal, waiting, work) {
      await enter(signal, waiting);
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
};
