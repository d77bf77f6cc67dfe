// mailbox.ts: one for each entity: its turns never interleave, and those of different entities never wait for each other
import type { Recorded } from '../events/fact.ts';
import type { Engine } from './engine.ts';
import { isBrief, type Entity } from './roster.ts';
import { take, type Turn } from './turn.ts';

interface Letter {
  readonly turn: Turn;
  readonly resolve: (facts: Recorded[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Reports go first; what is asked from outside waits while the entity is in a brief state, as for dockerd's lock. */
interface Mailbox {
  readonly reports: Letter[];
  readonly asks: Letter[];
  busy: boolean;
}

const mailboxes = new WeakMap<Entity, Mailbox>();

export function post(engine: Engine, entity: Entity, turn: Turn): Promise<Recorded[]> {
  const mailbox = mailboxes.get(entity) ?? { reports: [], asks: [], busy: false };
  mailboxes.set(entity, mailbox);
  return new Promise((resolve, reject) => {
    (turn.isReport ? mailbox.reports : mailbox.asks).push({ turn, resolve, reject });
    if (!mailbox.busy) void empty(engine, entity, mailbox);
  });
}

async function empty(engine: Engine, entity: Entity, mailbox: Mailbox): Promise<void> {
  mailbox.busy = true;
  for (let letter = next(entity, mailbox); letter; letter = next(entity, mailbox)) {
    if (engine.closed) break;
    try {
      letter.resolve(await take(engine, entity, letter.turn));
    } catch (error) {
      letter.reject(error);
    }
  }
  mailbox.busy = false;
}

const next = (entity: Entity, mailbox: Mailbox): Letter | undefined =>
  mailbox.reports.shift() ?? (isBrief(entity) ? undefined : mailbox.asks.shift());
