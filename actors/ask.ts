// ask.ts: how something is asked of an entity, from a face or from another entity's effect
import type { Recorded } from '../events/fact.ts';
import type { ChartName, Commands, Reports } from '../machines/index.ts';
import type { Engine, Listener } from './engine.ts';
import { Refused } from './refused.ts';
import { entityOf, type Entity } from './roster.ts';
import type { AnyCommand, Asker } from './turn.ts';

/** Asks something of an entity (or of a chart inside its stream). Resolves with the facts when they are durable; throws `Refused`. */
export async function ask<K extends ChartName>(
  engine: Engine,
  kind: K,
  id: string,
  command: Commands[K],
  asker: Asker,
): Promise<Recorded[]> {
  const entity = entityOf(engine.roster, `${kind}-${id}`, kind);
  try {
    return await engine.post(entity, { place: null, command: command as AnyCommand, asker, isReport: false });
  } finally {
    if (entity.revision === -1 && engine.roster.entities.get(entity.stream) === entity) engine.roster.entities.delete(entity.stream);
  }
}

export async function askPart<K extends 'exec'>(engine: Engine, entity: Entity, kind: K, id: string, command: Commands[K], asker: Asker): Promise<Recorded[]> {
  return engine.post(entity, { place: { kind, key: `${kind}/${id}` }, command, asker, isReport: false });
}

/** Asks, and waits for the first fact of one of these types that comes of it. */
export async function askUntil<K extends ChartName>(
  engine: Engine,
  kind: K,
  id: string,
  command: Commands[K],
  asker: Asker,
  types: readonly string[],
): Promise<Recorded | null> {
  const stream = `${kind}-${id}`;
  let settle: (fact: Recorded | null) => void = () => undefined;
  let from = Number.POSITIVE_INFINITY;
  const early: Recorded[] = [];
  const outcome = new Promise<Recorded | null>((resolve) => (settle = resolve));
  const listener: Listener = (fact) => {
    if (fact.stream !== stream || !types.includes(fact.type)) return;
    if (from === Number.POSITIVE_INFINITY) early.push(fact);
    else if (fact.revision >= from) settle(fact);
  };
  engine.listeners.add(listener);
  try {
    const facts = await ask(engine, kind, id, command, asker);
    if (facts.length === 0) return null;
    from = facts[0]!.revision;
    const seen = early.find((fact) => fact.revision >= from);
    return seen ?? (await outcome);
  } finally {
    engine.listeners.delete(listener);
  }
}

/** Takes a name for an entity before it is created or renamed; throws `conflict` with the message when another has it. */
export function claim(engine: Engine, kind: 'container' | 'network', name: string, id: string, message: (holder: string) => string): () => void {
  const key = `${kind} ${name}`;
  const holder = engine.roster.names[kind].get(name) ?? engine.claims.get(key);
  if (holder !== undefined && holder !== id) throw new Refused('conflict', message(holder));
  engine.claims.set(key, id);
  return () => {
    if (engine.claims.get(key) === id) engine.claims.delete(key);
  };
}

/** What an effect of a container says of its health. */
export async function tellHealth(engine: Engine, entity: Entity, outcome: Reports['health'], asker: Asker): Promise<void> {
  await engine.post(entity, { place: { kind: 'health', key: 'health' }, command: outcome, asker, isReport: true });
}
