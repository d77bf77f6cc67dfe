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

/** setTimeout takes 31 bits of milliseconds. */
const longestMs = 2_000_000_000;

/** `pace: 'real'` is the time on the wall: a daemon's log goes on where it ended, and clients' times mean the same. */
export function virtualClock({ pace = 'manual' as 'manual' | 'real' } = {}): VirtualClock {
  let time = epoch;
  let order = 0;
  const offset = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
  const timers = new Set<Timer>();
  const now = () => (pace === 'real' ? process.hrtime.bigint() + offset : time);
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
        let real: NodeJS.Timeout | undefined;
        const wait = () => (at <= now() ? timer.ring() : void (real = setTimeout(wait, Math.min(Number((at - now()) / 1_000_000n) + 1, longestMs))));
        const done = () => {
          clearTimeout(real);
          timers.delete(timer);
          signal.removeEventListener('abort', abort);
        };
        timers.add(timer);
        if (pace === 'real') wait();
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
