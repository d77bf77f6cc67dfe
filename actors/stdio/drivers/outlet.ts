// outlet.ts: the way out to a log server, with what waits for it
import { connect, type Socket } from 'node:net';
import type { LogAddress } from '../log-addresses.ts';

export interface Outlet {
  /** Takes a whole message. */
  send(message: Buffer): void;
  congested(): boolean;
  /** Gives what waits some time to leave. */
  close(): Promise<void>;
}

export interface OutletSettings {
  /** Bytes that may wait. */
  readonly bufferBytes: number;
  /** Drop what is too much, rather than let the container wait. */
  readonly lossy: boolean;
  readonly onRelief: () => void;
}

const reconnectMs = 1000;
const farewellMs = 5000;

/**
 * A stream to the server, made anew when it breaks. A server that is slow holds the container up, unless that was not
 * wanted; one that is away does not: what has no room is lost, as it is with Docker.
 */
export async function streamOutlet(dial: () => Socket, waitForFirst: boolean, settings: OutletSettings): Promise<Outlet> {
  let socket: Socket | null = null;
  let kept: Buffer[] = [];
  let keptBytes = 0;
  let closed = false;
  const { bufferBytes, lossy, onRelief } = settings;

  const connected = (made: Socket): void => {
    socket = made;
    const waiting = kept;
    kept = [];
    keptBytes = 0;
    for (const message of waiting) made.write(message);
    made.on('drain', onRelief);
    // A server that only takes in says nothing; reading tells when it goes away.
    made.resume();
  };
  const attempt = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const made = dial();
      made.once('encrypted' in made ? 'secureConnect' : 'connect', () => (connected(made), resolve()));
      made.on('error', reject);
      made.on('close', () => {
        if (socket === made) socket = null;
        onRelief();
        if (!closed) setTimeout(() => void (closed || attempt().catch(() => undefined)), reconnectMs).unref();
      });
    });

  const first = attempt();
  if (waitForFirst) await first.catch((error: Error) => ((closed = true), Promise.reject(error)));
  else first.catch(() => undefined);
  const full = (): boolean => (socket?.writableLength ?? keptBytes) >= bufferBytes;
  return {
    send(message) {
      if (full() && (lossy || !socket)) return;
      if (socket) return void socket.write(message);
      kept.push(message);
      keptBytes += message.length;
    },
    congested: () => socket !== null && !lossy && full(),
    close: () =>
      new Promise((resolve) => {
        closed = true;
        const leave = (): void => {
          socket?.destroy();
          resolve();
        };
        if (!socket) return resolve();
        setTimeout(leave, farewellMs).unref();
        socket.end(leave);
      }),
  };
}

export const dialPlain = (address: LogAddress) => (): Socket => (address.path ? connect(address.path) : connect(address.port, address.host));
