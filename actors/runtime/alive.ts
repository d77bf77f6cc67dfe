// alive.ts: when this world was last known to be alive, kept over a crash by the time stamp of a file
import { closeSync, openSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../world.ts';

const touchMs = 10_000;

export interface Alive {
  /** Nanoseconds: the end of the time before the last gap, be it the daemon's absence or its runtime's. */
  last(): bigint;
  /** A gap begins now. */
  gap(): void;
  close(): void;
}

/** No fsync: after a power cut the time is some seconds too early at worst. */
export function keepAlive(dataRoot: string, clock: Clock): Alive {
  const path = join(dataRoot, 'alive');
  const before = statSync(path, { bigint: true, throwIfNoEntry: false })?.mtimeNs;
  let last = before ?? clock.now();
  const touch = () => {
    const seconds = Number(clock.now() / 1_000_000n) / 1000;
    utimesSync(path, seconds, seconds);
  };
  closeSync(openSync(path, 'a'));
  touch();
  const timer = setInterval(touch, touchMs).unref();
  return {
    last: () => last,
    gap: () => {
      last = clock.now();
    },
    close: () => {
      clearInterval(timer);
      touch();
    },
  };
}
