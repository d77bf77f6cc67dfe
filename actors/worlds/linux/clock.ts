// clock.ts: the machine's own time, finer than milliseconds
import type { Clock } from '../../world.ts';

const million = 1_000_000n;
/** How far the fine clock may be from the wall's before it is set anew: a step of the wall clock, or its drift. */
const tolerance = 5n * million;
/** setTimeout takes 31 bits of milliseconds. */
const longestMs = 2_000_000_000;

export function linuxClock(): Clock {
  let offset = BigInt(Date.now()) * million - process.hrtime.bigint();
  const now = (): bigint => {
    const wall = BigInt(Date.now()) * million;
    const fine = process.hrtime.bigint() + offset;
    const apart = fine - wall;
    if (apart < tolerance && apart > -tolerance) return fine;
    offset += wall - fine;
    return wall;
  };

  const until = (time: bigint, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      let timer: NodeJS.Timeout | undefined;
      const abort = () => {
        clearTimeout(timer);
        reject(signal.reason);
      };
      // A wait may be long enough for the wall clock to be set meanwhile: it is looked at again at the end.
      const wait = () => {
        const left = Number((time - now()) / million);
        if (time <= now()) {
          signal.removeEventListener('abort', abort);
          return resolve();
        }
        timer = setTimeout(wait, Math.min(left + 1, longestMs));
      };
      signal.addEventListener('abort', abort, { once: true });
      wait();
    });

  return { now, until };
}
