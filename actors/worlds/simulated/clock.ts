// clock.ts: virtual time: it stands still until somebody advances it, or it follows the machine's own clock
import type { Clock } from '../../world.ts';

interface Timer {
  readonly at: bigint;
  readonly order: number;
  readonly ring: () => void;
}

export interface VirtualClock extends Clock {
  /** Moves time on and rings what is due, one after the other. */
  advance(nanos: bigint): Promise<void>;
  /** When the next timer is due; null: nobody waits. */
  next(): bigint | null;
  /** Everything that waited for time is let go, as by a crash. */
  forget(): void;
}

/** 2026-01-01T00:00:00Z: every simulation begins there. */
export const epoch = 1_767_225_600_000_000_000n;

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

/** `pace: 'real'` lets time pass as fast as on the wall, from the epoch on. */
export function virtualClock({ pace = 'manual' as 'manual' | 'real' } = {}): VirtualClock {
  let time = epoch;
  let order = 0;
  const began = process.hrtime.bigint();
  const timers = new Set<Timer>();
  const now = () => (pace === 'real' ? epoch + (process.hrtime.bigint() - began) : time);
  const first = () => [...timers].sort((a, b) => (a.at === b.at ? a.order - b.order : a.at < b.at ? -1 : 1))[0];
  return {
    now,
    until(at, signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        if (at <= now()) return resolve();
        const abort = () => {
          done();
          reject(signal.reason);
        };
        const timer: Timer = { at, order: order++, ring: () => (done(), resolve()) };
        const real = pace === 'real' ? setTimeout(timer.ring, Number((at - now()) / 1_000_000n) + 1) : undefined;
        const done = () => {
          clearTimeout(real);
          timers.delete(timer);
          signal.removeEventListener('abort', abort);
        };
        timers.add(timer);
        signal.addEventListener('abort', abort);
      });
    },
    async advance(nanos) {
      const end = time + nanos;
      for (let timer = first(); timer && timer.at <= end; timer = first()) {
        if (timer.at > time) time = timer.at;
        timer.ring();
        await settle();
      }
      time = end;
    },
    next: () => first()?.at ?? null,
    forget: () => timers.clear(),
  };
}
