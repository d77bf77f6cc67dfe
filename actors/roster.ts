// roster.ts: every entity that exists, as the log has it, and how to find one
import type { Recorded } from '../events/fact.ts';
import { idOf, kindOf, rows } from '../events/index.ts';
import { rfc3339 } from '../events/time.ts';
import { accepts, initial, isChart, move, type Event, type Snapshot } from '../machines/fold.ts';
import type { ChartName, Views } from '../machines/index.ts';

/** A chart of its own inside another's stream: `health`, or `exec/<id>`. */
export interface Part<K extends ChartName = ChartName> {
  readonly key: string;
  readonly kind: K;
  snapshot: Snapshot;
}

export interface Entity<K extends ChartName = ChartName> {
  readonly stream: string;
  readonly kind: K;
  readonly id: string;
  /** Of its last fact. */
  revision: number;
  position: number;
  snapshot: Snapshot;
  readonly parts: Map<string, Part>;
  /** Why it is left alone: its stream cannot be folded. */
  quarantined: string | null;
}

export interface Roster {
  readonly entities: Map<string, Entity>;
  /** Container ids by name; network ids by name; image ids by full reference. */
  readonly names: { readonly container: Map<string, string>; readonly network: Map<string, string>; readonly image: Map<string, string> };
  readonly execs: Map<string, Entity<'container'>>;
  /** Position of the last fact that was applied; -1 before the first. */
  position: number;
  /** Time of the last fact, nanoseconds. */
  time: bigint;
}

export const emptyRoster = (): Roster => ({
  entities: new Map(),
  names: { container: new Map(), network: new Map(), image: new Map() },
  execs: new Map(),
  position: -1,
  time: 0n,
});

export const viewOf = <K extends ChartName>(entity: Entity<K>): Views[K] =>
  ({ state: entity.snapshot.value, context: entity.snapshot.context }) as unknown as Views[K];
export const partView = <K extends ChartName>(part: Part<K>): Views[K] =>
  ({ state: part.snapshot.value, context: part.snapshot.context }) as unknown as Views[K];

export const isGone = (snapshot: Snapshot): boolean => snapshot.hasTag('gone' as never);
export const isBrief = (entity: Entity): boolean => entity.snapshot.hasTag('brief' as never);

export const get = <K extends ChartName>(roster: Roster, kind: K, id: string): Entity<K> | undefined =>
  roster.entities.get(`${kind}-${id}`) as Entity<K> | undefined;

/** All of a kind that exist for a client, in the order of their creation. */
export function* all<K extends ChartName>(roster: Roster, kind: K): Generator<Entity<K>> {
  for (const entity of roster.entities.values()) {
    if (entity.kind === kind && !isGone(entity.snapshot) && entity.snapshot.value !== 'absent') yield entity as Entity<K>;
  }
}

export function entityOf(roster: Roster, stream: string, kind: ChartName): Entity {
  const known = roster.entities.get(stream);
  if (known) return known;
  const entity: Entity = { stream, kind, id: idOf(stream), revision: -1, position: -1, snapshot: initial(kind), parts: new Map(), quarantined: null };
  roster.entities.set(stream, entity);
  return entity;
}

/** Which chart of an entity is meant: null is its own, else one inside its stream. */
export type Place = { readonly key: string; readonly kind: ChartName } | null;

export const snapshotAt = (entity: Entity, place: Place): Snapshot =>
  place ? (entity.parts.get(place.key)?.snapshot ?? initial(place.kind)) : entity.snapshot;

/** Which chart of the entity a fact moves: its own (null) or a part's. */
export function partOf(entity: Entity, fact: { type: string; data: unknown }): Place {
  const kind = kindOf(fact.type);
  if (kind === entity.kind || !isChart(kind)) return null;
  const { id } = fact.data as { id?: string };
  return { key: id === undefined ? kind : `${kind}/${id}`, kind };
}

export const eventOf = (recorded: { type: string; data: unknown; time: bigint }): Event => ({
  type: recorded.type, data: recorded.data, at: rfc3339(recorded.time),
});

/** Moves one entity by one fact. Throws when the chart has no edge for it: the log does not fit the charts. */
export function apply(roster: Roster, recorded: Recorded): Entity | null {
  roster.position = recorded.position;
  if (recorded.time > roster.time) roster.time = recorded.time;
  const kind = kindOf(recorded.stream.replace('-', '.'));
  if (!isChart(kind)) return null;
  const entity = entityOf(roster, recorded.stream, kind);
  if (entity.quarantined !== null) return entity;
  const event = eventOf(recorded);
  const place = partOf(entity, recorded);
  const before = snapshotAt(entity, place);
  if (!rows.has(recorded.type) || !accepts(before, event)) {
    throw new Error(`${recorded.type} (position ${recorded.position}) has no edge from state ${String(before.value)}`);
  }
  const after = move(place ? place.kind : entity.kind, before, event);
  if (place) movePart(roster, entity, place, after);
  else moveEntity(roster, entity, before, after);
  entity.revision = recorded.revision;
  entity.position = recorded.position;
  return entity;
}

function movePart(roster: Roster, entity: Entity, { key, kind }: { key: string; kind: ChartName }, after: Snapshot): void {
  if (isGone(after)) entity.parts.delete(key);
  else entity.parts.set(key, { key, kind, snapshot: after });
  if (kind !== 'exec') return;
  const id = key.slice('exec/'.length);
  if (isGone(after)) roster.execs.delete(id);
  else roster.execs.set(id, entity as Entity<'container'>);
}

function moveEntity(roster: Roster, entity: Entity, before: Snapshot, after: Snapshot): void {
  entity.snapshot = after;
  reindex(roster, entity, before);
  if (isGone(after)) for (const key of entity.parts.keys()) if (key.startsWith('exec/')) roster.execs.delete(key.slice('exec/'.length));
  if (after.status === 'done') roster.entities.delete(entity.stream);
}

const namesIn: { readonly [K in ChartName]?: (context: never) => readonly string[] } = {
  container: ({ name }: Views['container']['context']) => [name],
  network: ({ network }: Views['network']['context']) => [network.name],
  image: ({ references }: Views['image']['context']) => references,
};

export function reindex(roster: Roster, entity: Entity, before: Snapshot): void {
  const { kind, id, snapshot } = entity;
  if (kind !== 'container' && kind !== 'network' && kind !== 'image') return;
  const names = namesIn[kind] as unknown as (context: unknown) => readonly string[];
  const index = roster.names[kind];
  const kept = isGone(snapshot) ? [] : names(snapshot.context);
  if (before.value !== 'absent') for (const name of names(before.context)) if (!kept.includes(name) && index.get(name) === id) index.delete(name);
  for (const name of kept) index.set(name, id);
}
