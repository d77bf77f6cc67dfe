// stdin-pipe.ts: a container's standard input as the keeper holds it
import { constants, openSync } from 'node:fs';
import { Socket } from 'node:net';

export interface StdinPipe {
  /** False: wait for `onRelief`. */
  write(bytes: Buffer): boolean;
  /** No more will be written. */
  end(): void;
  /** `ending`: all is in the pipe, and the shim has still to be told. */
  state(): 'open' | 'ending' | 'closed';
  close(): void;
}

/**
 * Opened for reading as well, so that opening does not wait for the shim and what is in the pipe does not vanish before
 * it comes. For the same reason the end of input is no close: the shim holds the pipe open for writing too and has to be
 * told by the runtime (containerd: Tasks.CloseIO); only then may this side let go.
 */
export function stdinPipe(path: string, onRelief: () => void, onEnding: () => void): StdinPipe {
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const socket = new Socket({ fd, readable: false, writable: true });
  let state: 'open' | 'ending' | 'closed' = 'open';
  let ends = false;
  let waiting = 0;
  const settle = (): void => {
    if (!ends || waiting > 0 || state !== 'open') return;
    state = 'ending';
    onEnding();
  };
  const close = (): void => {
    state = 'closed';
    socket.destroy();
  };
  socket.on('drain', onRelief).on('error', close).on('close', () => (close(), onRelief()));
  return {
    write(bytes) {
      if (state !== 'open' || ends) return true;
      waiting += 1;
      return socket.write(bytes, () => {
        waiting -= 1;
        settle();
      });
    },
    end() {
      ends = true;
      settle();
    },
    state: () => state,
    close,
  };
}
