// moments.ts: where in the log a time is
import type { Log } from '../events/log.ts';
import type { Recorded } from '../events/fact.ts';

/** The position of the first fact that is not earlier than the time; behind the head when there is none. Times grow along the log. */
export async function positionAt(log: Log, time: bigint): Promise<number> {
  let low = 0;
  let high = log.head() + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const fact = await firstFrom(log, middle);
    if (fact === null || fact.time >= time) high = middle;
    else low = fact.position + 1;
  }
  return low;
}

async function firstFrom(log: Log, from: number): Promise<Recorded | null> {
  for await (const batch of log.read({ from, limit: 1 })) return batch[0] ?? null;
  return null;
}
