// exec-stream.ts: the standard streams of an exec as one duplex stream over its FIFOs
import { constants, existsSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { makeFifo } from '../stdio/fifo.ts';
import type { Fifos } from '../world.ts';

export interface Wants { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean; readonly tty: boolean }

/** Descriptors of FIFOs opened before the process is made, so that nothing it writes finds no reader. */
export interface Pipes {
  readonly paths: Fifos;
  /** In Docker's order of streams; -1: not wanted. */
  readonly descriptors: readonly [stdin: number, stdout: number, stderr: number];
}

const streams = ['stdin', 'stdout', 'stderr'] as const;

export function openPipes(folder: string, wants: Wants): Pipes {
  // A terminal has no other way out than its standard output.
  const wanted = [wants.stdin, wants.stdout || wants.tty, wants.stderr && !wants.tty];
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const paths = streams.map((name, index) => (wanted[index] ? join(folder, name) : ''));
  const descriptors = paths.map((path, index) => {
    if (!path) return -1;
    makeFifo(path, 0o600);
    // Read and write: opening would block or fail until the other end is there.
    return openSync(path, (index === 0 ? constants.O_RDWR : constants.O_RDONLY) | constants.O_NONBLOCK);
  });
  const [stdin = '', stdout = '', stderr = ''] = paths;
  return { paths: { stdin, stdout, stderr }, descriptors: [descriptors[0] ?? -1, descriptors[1] ?? -1, descriptors[2] ?? -1] };
}

/** After a crash of the daemon: reads on, to nowhere, what a process would else wait for somebody to read. */
export function drainPipes(folder: string): void {
  for (const name of ['stdout', 'stderr']) {
    const path = join(folder, name);
    if (existsSync(path)) output(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)).resume();
  }
}

export const removePipes = (folder: string): void => rmSync(folder, { recursive: true, force: true });

const output = (fd: number): Socket => quiet(new Socket({ fd, readable: true, writable: false }));
/** A pipe whose other end went away is closed: that is all there is to know. */
const quiet = (socket: Socket): Socket => socket.on('error', () => socket.destroy());

/**
 * `closeInput` tells the shim that no more input comes. Ending the writable half is the process's end of input; destroying the
 * stream too, and its output is then read to nowhere, so that the process does not wait for a reader that has left.
 */
export function streamOf({ descriptors }: Pipes, tty: boolean, closeInput: () => void): Duplex {
  const [stdinFd, stdoutFd, stderrFd] = descriptors;
  const stdin = stdinFd < 0 ? null : quiet(new Socket({ fd: stdinFd, readable: false, writable: true }));
  const outputs = [stdoutFd, stderrFd].flatMap((fd, index) => (fd < 0 ? [] : [{ socket: output(fd), number: index + 1 }]));
  let open = outputs.length;
  let left = false;

  function endInput(): void {
    if (!stdin || stdin.destroyed) return;
    stdin.destroy();
    closeInput();
  }

  const duplex = new Duplex({
    read: () => {
      for (const { socket } of outputs) socket.resume();
    },
    write: (chunk: Buffer, _encoding, done) => {
      // Input for nobody is swallowed, as Docker does.
      if (!stdin || stdin.destroyed) done();
      else stdin.write(chunk, () => done());
    },
    final: (done) => {
      endInput();
      done();
    },
    destroy: (error, done) => {
      left = true;
      endInput();
      for (const { socket } of outputs) socket.resume();
      done(error);
    },
  });

  for (const { socket, number } of outputs) {
    socket.on('data', (chunk: Buffer) => {
      if (!left && !duplex.push(tty ? chunk : framed(number, chunk))) socket.pause();
    });
    socket.on('close', () => {
      if (--open > 0) return;
      stdin?.destroy();
      if (!left) duplex.push(null);
    });
  }
  if (open === 0) duplex.push(null);
  return duplex;
}

/** Docker's multiplexed stream: 1 or 2, three zeros, the length in 4 bytes, the bytes. */
function framed(number: number, chunk: Buffer): Buffer {
  const frame = Buffer.alloc(8 + chunk.length);
  frame[0] = number;
  frame.writeUInt32BE(chunk.length, 4);
  chunk.copy(frame, 8);
  return frame;
}
