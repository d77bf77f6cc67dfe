// watcher.ts: a reader of a log file that wants to know when to look again, as the keeper sees it
import type { Socket } from 'node:net';

export interface Watcher {
  grew(): void;
  ended(): void;
}

/** Told once, and again only after it answered: a reader that is slow or gone costs nothing. */
export function watcher(socket: Socket, gone: () => void): Watcher {
  let waiting = true;
  socket.on('data', () => void (waiting = true));
  socket.on('error', gone).on('end', () => socket.end()).on('close', gone);
  return {
    grew() {
      if (!waiting) return;
      waiting = false;
      socket.write('.');
    },
    ended: () => void socket.end('E'),
  };
}
