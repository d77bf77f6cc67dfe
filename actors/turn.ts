// turn.ts: decide, append, move, run: the one path by which anything changes
import { Conflict, Unavailable } from '../events/log.ts';
import type { Caller, Cause, Fact, Proposed, Recorded } from '../events/fact.ts';
import { accepts, move, type Snapshot } from '../machines/fold.ts';
import { deciders, type ChartName, type Commands, type Reports } from '../machines/index.ts';
import { isRefusal, type Decision } from '../machines/refusal.ts';
import type { Engine } from './engine.ts';
import { runEffects } from './effect.ts';
import { recordRefusal } from './refusals.ts';
import { Refused } from './refused.ts';
import { apply, eventOf, snapshotAt, type Entity, type Place } from './roster.ts';

/** On whose behalf a command is given. */
export interface Asker {
  readonly caller: Caller;
  /** The same for all that one request of a client leads to. */
  readonly correlationId: string;
  /** Position of the fact whose effect asks; null for a client. */
  readonly causation: number | null;
}

export type AnyCommand = { [K in ChartName]: Commands[K] | Reports[K] }[ChartName];

export interface Turn {
  readonly place: Place;
  readonly command: AnyCommand;
  readonly asker: Asker;
  /** An effect's word; it may come late, when the entity has moved on. */
  readonly isReport: boolean;
}

/** One turn of one entity. Gives the facts that it recorded; throws `Refused`. */
export async function take(engine: Engine, entity: Entity, { place, command, asker, isReport }: Turn): Promise<Recorded[]> {
  if (entity.quarantined !== null) throw new Refused('failed', `${entity.stream} is quarantined: ${entity.quarantined}`);
  const before = snapshotAt(entity, place);
  const kind = place ? place.kind : entity.kind;
  const at = timeOfTurn(engine);
  const decide = deciders[kind] as unknown as (view: object, command: AnyCommand, at: bigint) => Decision<Fact>;
  const decision = decide({ state: before.value, context: before.context }, command, at);
  if (isRefusal(decision)) {
    if (isReport) return [];
    recordRefusal(engine, entity.stream, command.name, decision, asker);
    throw Refused.of(decision);
  }
  if (decision.length === 0) return [];
  const cause: Cause = { command: command.name, commandId: engine.world.random.uuid(), ...asker };
  const proposed = decision.map((fact, index) => ({ ...fact, id: engine.world.random.uuid(), time: at + BigInt(index), cause }));
  if (!fits(kind, before, proposed)) {
    if (isReport) return [];
    throw new Error(`${kind} in state ${before.value} has no edge for what ${command.name} decided: ${decision.map(({ type }) => type).join(', ')}`);
  }
  engine.lastTime = at + BigInt(proposed.length - 1);
  const recorded = await append(engine, entity, proposed);
  for (const fact of recorded) apply(engine.roster, fact);
  runEffects(engine, entity, place, before, recorded.at(-1)!);
  for (const fact of recorded) for (const listener of [...engine.listeners]) listener(fact, entity);
  return recorded;
}

/** Times in the log grow strictly, so that a client may go on from the time of the last event it saw. */
function timeOfTurn(engine: Engine): bigint {
  const now = engine.world.clock.now();
  return now > engine.lastTime ? now : engine.lastTime + 1n;
}

/** Each fact must have an edge in the chart, one after the other: xstate ignores in silence what it has no edge for. */
function fits(kind: ChartName, before: Snapshot, facts: readonly Proposed[]): boolean {
  let snapshot = before;
  return facts.every((fact, index) => {
    const event = eventOf(fact);
    if (!accepts(snapshot, event)) return false;
    if (index < facts.length - 1) snapshot = move(kind, snapshot, event);
    return true;
  });
}

async function append(engine: Engine, entity: Entity, proposed: readonly Proposed[]): Promise<Recorded[]> {
  try {
    return await engine.log.append(entity.stream, entity.revision, proposed);
  } catch (error) {
    if (error instanceof Unavailable) throw new Refused('unavailable', `the log cannot take this now: ${error.message}`);
    if (error instanceof Conflict) throw new Error(`another writer changed ${entity.stream}: ${error.message}`, { cause: error });
    throw error;
  }
}
