// attachment.ts: a client that is attached to a container, as the keeper sees it: one connection of the daemon
import type { Socket } from 'node:net';
import type { Wants } from './frames.ts';

/**
 * What may wait for a slow client. Beyond it the container waits, as Docker's does (moby: pkg/ioutils, BytesPipe: 1 MB):
 * output that a client asked for is not thrown away. Who only wants to look without slowing down reads the log.
 */
const mostWaiting = 1024 * 1024;

export interface Attachment {
  readonly wants: Wants;
  /** The bytes are kept until they are sent. */
  send(bytes: Buffer): void;
  congested(): boolean;
  pauseInput(): void;
  resumeInput(): void;
  /** Resolves when all is with the daemon, or the daemon is gone. */
  end(): Promise<void>;
}

export interface AttachmentEvents {
  input(bytes: Buffer): void;
  /** The client ended its input; not called when the daemon merely died. */
  inputEnd(): void;
  relief(): void;
  gone(): void;
}

export function attachment(socket: Socket, wants: Wants, events: AttachmentEvents): { attached: Attachment; receive: (chunk: Buffer) => void } {
  const receive = pieces(events);
  let open = true;
  const gone = (): void => {
    if (!open) return;
    open = false;
    events.gone();
  };
  socket.on('data', receive);
  socket.on('drain', () => events.relief());
  socket.on('end', gone).on('error', gone).on('close', gone);
  const attached: Attachment = {
    wants,
    send: (bytes) => void socket.write(bytes),
    congested: () => open && socket.writableLength > mostWaiting,
    pauseInput: () => void socket.pause(),
    resumeInput: () => void socket.resume(),
    end: () =>
      new Promise((resolve) => {
        socket.once('close', () => resolve());
        if (socket.destroyed) resolve();
        // What input still comes is read and dropped: a close with unread bytes would be a reset to the other side.
        socket.resume();
        socket.end(() => resolve());
      }),
  };
  return { attached, receive };
}

/** Undoes the lengths that stand before each piece of input. */
function pieces(events: AttachmentEvents): (chunk: Buffer) => void {
  const head = Buffer.alloc(4);
  let headLength = 0;
  let missing = 0;
  return (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (missing > 0) {
        const piece = chunk.subarray(at, at + missing);
        missing -= piece.length;
        at += piece.length;
        events.input(piece);
        continue;
      }
      head[headLength++] = chunk[at++]!;
      if (headLength < head.length) continue;
      headLength = 0;
      missing = head.readUInt32BE();
      if (missing === 0) events.inputEnd();
    }
  };
}
