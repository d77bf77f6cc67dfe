// fifo-reader.ts: reads a container's FIFO as fast as it is written
import { constants, openSync, readSync } from 'node:fs';
import { Socket } from 'node:net';

export interface FifoReader {
  pause(): void;
  resume(): void;
  /** Takes what is in the pipe now. True: it is empty and no writer is left, which no event would ever tell of a pipe opened too late. */
  settle(): boolean;
  close(): void;
}

/** As large as a pipe. One for all FIFOs: a chunk is used up before the next one is read, so `take` must copy what it keeps. */
const room = Buffer.allocUnsafeSlow(64 * 1024);

/** A pipe that is being written to without a pause is left to the events after so many chunks. */
const settleAtMost = 64;

/**
 * Never `createReadStream`: four waiting ones block every file operation of the process. `end` comes once, after a
 * writer came and all were gone; a shim opens both ends of the FIFO, so it does not come before the shim has done with it.
 */
export function readFifo(path: string, take: (chunk: Buffer) => void, end: () => void): FifoReader {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  let over = false;
  const finish = (): void => {
    if (over) return;
    over = true;
    end();
  };
  const options = {
    fd,
    readable: true,
    writable: false,
    onread: { buffer: room, callback: (length: number) => (take(room.subarray(0, length)), true) },
  };
  const socket = new Socket(options);
  socket.on('error', finish).on('end', finish).on('close', finish);
  socket.resume();
  return {
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    settle() {
      for (let chunks = 0; !over && chunks < settleAtMost; chunks += 1) {
        const length = readNow(fd);
        if (length === null) return false;
        if (length === 0) return true;
        take(room.subarray(0, length));
      }
      return over;
    },
    close() {
      over = true;
      socket.destroy();
    },
  };
}

/** Null: nothing there, but somebody may still write; 0: nobody can. */
function readNow(fd: number): number | null {
  try {
    return readSync(fd, room);
  } catch {
    return null;
  }
}
