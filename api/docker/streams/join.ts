// join.ts: a client's connection and a container's stream, joined in both directions until one of them is through
import type { Duplex } from 'node:stream';
import { watchKeys } from './detach-keys.ts';

export interface Joining {
  /** The client's input goes to the container. */
  readonly input: boolean;
  /** Keys that end the joining and leave the container alone; null: all input is the container's. */
  readonly keys: Buffer | null;
}

/**
 * Resolves when all output was given or the client is gone; `detached` when the keys were pressed. A client that ended
 * its input (half-closed) goes on getting output: it is through when the container's stream ends.
 */
export function join(connection: Duplex, stream: Duplex, { input, keys }: Joining): Promise<'ended' | 'gone' | 'detached'> {
  return new Promise((resolve) => {
    let settled = false;
    const settle = (how: 'ended' | 'gone' | 'detached') => {
      if (settled) return;
      settled = true;
      if (how !== 'ended') stream.destroy();
      resolve(how);
    };
    const typed = input && keys ? connection.pipe(watchKeys(keys, () => settle('detached'))) : connection;
    if (input) {
      typed.pipe(stream);
      // The container may close its input long before its output.
      stream.on('unpipe', () => connection.resume());
    } else {
      connection.resume();
    }
    stream.pipe(connection, { end: false });
    stream.on('end', () => settle('ended'));
    stream.on('error', () => settle('ended'));
    stream.on('close', () => settle('ended'));
    connection.on('error', () => settle('gone'));
    connection.on('close', () => settle('gone'));
  });
}

/** Ends the connection once all that was written is with the client. */
export function finish(connection: Duplex): void {
  connection.end();
  connection.resume();
}
