// restore.ts: open the log, fold it from the last checkpoint, and wake what was under way
import type { Log } from '../events/log.ts';
import type { Recorded } from '../events/fact.ts';
import { initial, resolved, type Snapshot } from '../machines/fold.ts';
import type { ChartName } from '../machines/index.ts';
import { begin } from './effect.ts';
import type { Engine } from './engine.ts';
import { post } from './mailbox.ts';
import { refusalStream, setRefusalRevision } from './refusals.ts';
import { apply, emptyRoster, entityOf, reindex, type Entity, type Roster } from './roster.ts';
import type { World } from './world.ts';

export interface Opening {
  readonly id: string;
  readonly log: Log;
  readonly world: World;
  /** Tells of faults: broken invariants, damaged streams. */
  readonly onFault?: (stream: string, message: string) => void;
  /** Of the charts that made a checkpoint; others' are not used. Null: none is read or made. */
  readonly fingerprint?: string | null;
}

export interface Folded {
  readonly engine: Engine;
  /** Facts read behind the checkpoint. */
  readonly facts: number;
  /** Position of the checkpoint; -1 without one. */
  readonly checkpoint: number;
  /** Makes the engine awake: effects run from here on. */
  wake(): void;
}

/** The engine as the log has it: it can be read, and does nothing until it is woken. */
export async function openEngine(opening: Opening): Promise<Folded> {
  const { log, world, id } = opening;
  const roster = emptyRoster();
  const checkpoint = opening.fingerprint ? await log.checkpoints.load(opening.fingerprint) : null;
  if (checkpoint && checkpoint.position <= log.head()) thaw(roster, checkpoint.state);
  const from = roster.position + 1;
  let facts = 0;
  let refusals = -1;
  const damaged = new Map(log.findings.flatMap(({ stream, message }) => (stream ? [[stream, message] as const] : [])));
  const engine = { id, log, world, roster, listeners: new Set(), claims: new Map(), lastTime: 0n, awake: false, closed: false } as unknown as Mutable<Engine>;
  for await (const batch of log.read({ from })) {
    for (const fact of batch) {
      facts += 1;
      if (fact.stream === refusalStream(engine)) refusals = fact.revision;
      fold(roster, fact, opening.onFault);
    }
  }
  for (const [stream, message] of damaged) quarantine(roster, stream, message);
  setRefusalRevision(engine, refusals === -1 ? await lastRevision(log, refusalStream(engine)) : refusals);
  let setReady: () => void = () => undefined;
  engine.ready = new Promise((resolve) => (setReady = resolve));
  engine.post = (entity, turn) => post(engine, entity, turn);
  engine.fault = (stream, message) => opening.onFault?.(stream, message);
  engine.lastTime = roster.time;
  return {
    engine, facts, checkpoint: from - 1,
    wake: () => {
      wake(engine);
      setReady();
    },
  };
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

async function lastRevision(log: Log, stream: string): Promise<number> {
  for await (const batch of log.read({ stream, backwards: true, limit: 1 })) return batch[0]?.revision ?? -1;
  return -1;
}

/** One stream that cannot be folded is left alone, and the others live. */
export function fold(roster: Roster, fact: Recorded, onFault?: (stream: string, message: string) => void): void {
  try {
    apply(roster, fact);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    quarantine(roster, fact.stream, message);
    onFault?.(fact.stream, message);
  }
}

/** Left alone from here on: what is known of it may not be what happened. */
export function quarantine(roster: Roster, stream: string, message: string): void {
  const entity = roster.entities.get(stream);
  if (entity) entity.quarantined ??= message;
}

const internal = { transport: 'internal' } as const;

/** A state's effect is what should be going on: running it again is the recovery. */
export function wake(engine: Engine): void {
  engine.awake = true;
  for (const entity of engine.roster.entities.values()) wakeEntity(engine, entity);
}

function wakeEntity(engine: Engine, entity: Entity): void {
  if (entity.quarantined !== null) return;
  const asker = { caller: internal, correlationId: engine.world.random.uuid(), causation: entity.position };
  begin(engine, entity, null, asker);
  for (const part of entity.parts.values()) begin(engine, entity, part, asker);
}

interface FrozenPart {
  readonly key: string;
  readonly kind: ChartName;
  readonly state: string;
  readonly context: unknown;
}
interface FrozenEntity extends FrozenPart {
  readonly revision: number;
  readonly position: number;
  readonly quarantined: string | null;
  readonly parts: readonly FrozenPart[];
}

/** A checkpoint's state: the roster as JSON. */
export function freeze(roster: Roster): string {
  const entities = [...roster.entities.values()].map((entity): FrozenEntity => ({
    ...frozen(entity.stream, entity.kind, entity.snapshot),
    revision: entity.revision, position: entity.position, quarantined: entity.quarantined,
    parts: [...entity.parts.values()].map((part) => frozen(part.key, part.kind, part.snapshot)),
  }));
  return JSON.stringify({ position: roster.position, time: String(roster.time), entities });
}
const frozen = (key: string, kind: ChartName, snapshot: Snapshot): FrozenPart => ({ key, kind, state: snapshot.value, context: snapshot.context });

export function thaw(roster: Roster, state: string): void {
  const { position, time, entities } = JSON.parse(state) as { position: number; time: string; entities: FrozenEntity[] };
  for (const each of entities) {
    const entity = entityOf(roster, each.key, each.kind);
    entity.snapshot = resolved(each.kind, each.state, each.context);
    entity.revision = each.revision;
    entity.position = each.position;
    entity.quarantined = each.quarantined;
    for (const part of each.parts) {
      entity.parts.set(part.key, { key: part.key, kind: part.kind, snapshot: resolved(part.kind, part.state, part.context) });
      if (part.kind === 'exec') roster.execs.set(part.key.slice('exec/'.length), entity as Entity<'container'>);
    }
    reindex(roster, entity, initial(each.kind));
  }
  roster.position = position;
  roster.time = BigInt(time);
}
