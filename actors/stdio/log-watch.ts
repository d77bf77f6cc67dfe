// log-watch.ts: waits for a log to grow, by way of the keeper that writes it
import type { Socket } from 'node:net';
import type { LogWatch } from './log-reader.ts';

type Sign = 'grew' | 'ended';

/** `connect` is called again when the keeper dies: its successor goes on with the same log. */
export async function logWatch(connect: () => Promise<Socket>, signal: AbortSignal): Promise<LogWatch> {
  let socket = await connect();
  let sign: Sign | null = null;
  let wake = (): void => undefined;
  const give = (next: Sign): void => {
    if (sign !== 'ended') sign = next;
    wake();
  };
  const listen = (): void => {
    socket.on('data', (bytes: Buffer) => give(bytes.includes('E') ? 'ended' : 'grew'));
    socket.on('close', () => void (sign === 'ended' || reconnect()));
  };
  const reconnect = async (): Promise<void> => {
    try {
      socket = await connect();
      listen();
      // What came while nobody watched.
      give('grew');
    } catch {
      give('ended');
    }
  };
  const close = (): void => {
    signal.removeEventListener('abort', close);
    give('ended');
    socket.destroy();
  };
  signal.addEventListener('abort', close);
  if (signal.aborted) close();
  listen();
  return {
    async next() {
      while (sign === null) await new Promise<void>((resolve) => void (wake = resolve));
      const given: Sign = sign;
      if (given === 'grew') {
        sign = null;
        // Before the file is looked at: what is written from now on is told anew.
        socket.write('.');
      }
      return given;
    },
    close,
  };
}
