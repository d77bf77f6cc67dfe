// engine.ts: what the daemon is made of: a log, a world, a roster, and a mailbox for each entity
import type { Recorded } from '../events/fact.ts';
import type { Log } from '../events/log.ts';
import type { Entity, Roster } from './roster.ts';
import type { Turn } from './turn.ts';
import type { World } from './world.ts';

export type Listener = (fact: Recorded, entity: Entity | null) => void;

export interface Engine {
  /** Of this daemon; in its own stream's name. */
  readonly id: string;
  readonly log: Log;
  readonly world: World;
  readonly roster: Roster;
  /** Puts a turn into the entity's mailbox. */
  readonly post: (entity: Entity, turn: Turn) => Promise<Recorded[]>;
  /** Called with each fact after it was applied, in the order of each stream. */
  readonly listeners: Set<Listener>;
  /** Names that a creation or renaming under way has taken: `container web` to the entity's id. */
  readonly claims: Map<string, string>;
  /** Time of the last fact proposed, nanoseconds. */
  lastTime: bigint;
  /** Effects run; false while the log is folded and the world is not there yet. */
  awake: boolean;
  closed: boolean;
  /** Resolves when the engine is awake: commands wait for it, reads do not. */
  readonly ready: Promise<void>;
  /** A broken invariant: recorded and told, never fatal for the others. */
  fault(stream: string, message: string): void;
}
