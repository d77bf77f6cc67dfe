// _shared.ts: one daemon for all tests of a file, with the image busybox; gone when they are over
import test, { type ExecutionContext } from 'ava';
import { missing, startDaemon, type Daemon, type StartOptions } from '../_daemon.ts';

type Declare = (title: string, implementation: (t: ExecutionContext) => Promise<void>) => void;
/** A test of real containers; skipped where there can be none. */
export const real: Declare = missing === null ? test : test.skip;

export interface Shared {
  readonly real: Declare;
  daemon(): Daemon;
}

export function sharedDaemon(options: StartOptions = {}): Shared {
  const ends: (() => unknown)[] = [];
  let daemon: Daemon | null = null;
  if (missing === null) {
    test.before('a daemon starts', async () => {
      daemon = await startDaemon({ teardown: (end) => ends.unshift(end) }, options);
      await daemon.busybox();
    });
    test.after.always('nothing of it is left', async () => {
      for (const end of ends) await end();
    });
  }
  return {
    real,
    daemon: () => {
      if (!daemon) throw new Error('the daemon did not start');
      return daemon;
    },
  };
}
