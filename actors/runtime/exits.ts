// exits.ts: how processes ended; each is waited for once, however many want to know
import { setTimeout as pause } from 'node:timers/promises';
import { type Containerd, isDown, isNotFound, nanosecondsOf } from '../containerd/client.ts';
import type { Clock, Exit } from '../world.ts';
import { type Connection, orAborted } from './connection.ts';

/** Before asking again after an answer that tells nothing, as while a shim is being lost. */
const againMs = 50;

export interface Exits {
  /** `execId` is empty for the container's own process. Null: there is no such process, its exit is unknown. */
  of(id: string, execId: string, signal?: AbortSignal): Promise<Exit | null>;
  /** What was waited for is no more. */
  forget(id: string): void;
}

export interface ExitsOptions {
  readonly containerd: Containerd;
  readonly connection: Connection;
  readonly clock: Clock;
  readonly wasOutOfMemory: (id: string) => Promise<boolean>;
}

export function exitsOf({ containerd, connection, clock, wasOutOfMemory }: ExitsOptions): Exits {
  const waiting = new Map<string, Promise<Exit | null>>();

  /** A wait dies with containerd, and containerd tells no exit again that it missed: so it is asked until it knows. */
  async function ended(id: string, execId: string): Promise<Exit | null> {
    for (;;) {
      try {
        const { exitStatus, exitedAt } = await containerd.call('Tasks.Wait', { containerId: id, execId });
        const oomKilled = execId === '' && (await wasOutOfMemory(id));
        return { exitCode: exitStatus, finishedAt: nanosecondsOf(exitedAt) || clock.now(), oomKilled };
      } catch (error) {
        if (isNotFound(error)) return null;
        if (!isDown(error) && (await isGone(id, execId))) return null;
        await pause(againMs);
        await connection.untilUp();
      }
    }
  }

  const isGone = (id: string, execId: string): Promise<boolean> =>
    containerd.call('Tasks.Get', { containerId: id, execId }).then(() => false, isNotFound);

  return {
    of: (id, execId, signal) => {
      const key = `${id}/${execId}`;
      const known = waiting.get(key);
      if (known) return orAborted(known, signal);
      const exit = ended(id, execId).finally(() => {
        if (waiting.get(key) === exit) waiting.delete(key);
      });
      // It fails only when the runtime is closed, and then nobody may be there to hear it.
      exit.catch(() => {});
      waiting.set(key, exit);
      return orAborted(exit, signal);
    },
    forget: (id) => {
      for (const key of waiting.keys()) if (key.startsWith(`${id}/`)) waiting.delete(key);
    },
  };
}
