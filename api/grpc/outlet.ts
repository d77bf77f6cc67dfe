// outlet.ts: what a client is sent, as fast as it takes it
import type { EventEmitter } from 'node:events';
import type { Refusal } from './schema.ts';

/** What the calls of gRPC that send have in common. */
export interface Sending<Message> extends EventEmitter {
  readonly cancelled: boolean;
  write(message: Message): boolean;
  /** As grpc-js sends a status that is not OK. */
  emit(event: 'error', refusal: Refusal): boolean;
}

export interface Outlet<Message> {
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  /** Null when the next message may follow at once; else resolves when it may, or when the client is gone. */
  send(message: Message): Promise<void> | null;
  /** Ends the call with this. */
  end(refusal: Refusal): void;
}

/** Nothing is queued for a client beyond the few messages of the stream's own buffer. */
export function outlet<Message>(call: Sending<Message>): Outlet<Message> {
  const gone = new AbortController();
  const { signal } = gone;
  let proceed: (() => void) | null = null;
  const go = () => {
    proceed?.();
    proceed = null;
  };
  const leave = () => {
    gone.abort();
    go();
  };
  call.on('drain', go);
  for (const event of ['cancelled', 'close', 'error']) call.on(event, leave);
  if (call.cancelled) leave();
  return {
    signal,
    send: (message) => {
      if (signal.aborted || call.write(message)) return null;
      return new Promise((resolve) => {
        proceed = resolve;
      });
    },
    end: (refusal) => void (signal.aborted || call.emit('error', refusal)),
  };
}
