// attached.ts: the daemon's end of an attachment: a duplex whose input says when it ended
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

const lengthOf = (length: number): Buffer => {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(length);
  return head;
};

/** Output as the keeper sends it; input with its lengths. A client that goes away has ended its input, a daemon that dies has not. */
export function attached(socket: Socket): Duplex {
  let inputOver = false;
  const endInput = (): void => {
    if (!inputOver && socket.writable) socket.write(lengthOf(0));
    inputOver = true;
  };
  const duplex = new Duplex({
    read: () => void socket.resume(),
    write(chunk: Buffer, _encoding, done) {
      // The run is over and with it the connection: nobody is left to read this, which is no fault of the writer.
      if (!socket.writable || chunk.length === 0) return done();
      socket.write(lengthOf(chunk.length));
      if (socket.write(chunk)) return done();
      const relieved = (): void => {
        socket.off('drain', relieved).off('close', relieved);
        done();
      };
      socket.on('drain', relieved).on('close', relieved);
    },
    final(done) {
      endInput();
      done();
    },
    destroy(error, done) {
      endInput();
      socket.end();
      socket.resume();
      done(error);
    },
  });
  socket.on('data', (chunk: Buffer) => void (duplex.push(chunk) || socket.pause()));
  socket.on('end', () => duplex.push(null)).on('close', () => duplex.push(null));
  socket.pause();
  return duplex;
}
