// effect.ts: what a state asks of the world is begun when the state is entered and called off when it is left
import type { Recorded } from '../events/fact.ts';
import { effectsOf, entered, type Snapshot } from '../machines/fold.ts';
import type { ChartName, Reports } from '../machines/index.ts';
import { effects } from './effects/index.ts';
import type { Engine } from './engine.ts';
import { Refused } from './refused.ts';
import { isGone, snapshotAt, type Entity, type Place } from './roster.ts';
import type { AnyCommand, Asker } from './turn.ts';

/** What an effect is given: it works on one entity, for as long as the signal is not aborted. */
export interface Work<K extends ChartName = ChartName, Context = unknown> {
  readonly engine: Engine;
  readonly entity: Entity;
  readonly place: Place;
  readonly context: Context;
  readonly signal: AbortSignal;
  /** For what the effect asks of other entities. */
  readonly asker: Asker;
  /** For outcomes before the last one; the last is what the effect returns. */
  report(outcome: Reports[K]): Promise<void>;
}

/** Makes it so, and says what came of it; null: nothing to say. It may be run again after a crash at any point of it. */
export type Effect<K extends ChartName, Context> = (work: Work<K, Context>) => Promise<Reports[K] | null>;

const running = new WeakMap<Entity, Map<string, AbortController>>();
const internal = { transport: 'internal' } as const;

/** Called after a turn: `cause` is its last fact. */
export function runEffects(engine: Engine, entity: Entity, place: Place, before: Snapshot, cause: Recorded): void {
  const after = snapshotAt(entity, place);
  if (!engine.awake || !entered(before, after)) return;
  begin(engine, entity, place, { caller: internal, correlationId: cause.cause.correlationId, causation: cause.position });
}

/** Begins what the present state asks for: after a move, or on waking. */
export function begin(engine: Engine, entity: Entity, place: Place, asker: Asker): void {
  const slots = running.get(entity) ?? new Map<string, AbortController>();
  running.set(entity, slots);
  const key = place?.key ?? '';
  slots.get(key)?.abort();
  slots.delete(key);
  const kind = place?.kind ?? entity.kind;
  const snapshot = snapshotAt(entity, place);
  const names = effectsOf(kind, snapshot);
  if (names.length === 0) return;
  const controller = new AbortController();
  slots.set(key, controller);
  for (const name of names) void run(engine, entity, place, kind, name, snapshot, asker, controller.signal);
}

/** Calls off all that is under way for an entity. */
export function callOff(entity: Entity): void {
  for (const controller of running.get(entity)?.values() ?? []) controller.abort();
  running.delete(entity);
}

async function run(engine: Engine, entity: Entity, place: Place, kind: ChartName, name: string, snapshot: Snapshot, asker: Asker, signal: AbortSignal): Promise<void> {
  const effect = (effects[kind] as unknown as Record<string, Effect<ChartName, unknown>>)[name];
  if (!effect) throw new Error(`no effect ${name} for ${kind}: add it to actors/effects/${kind}.ts`);
  const work: Work = {
    engine, entity, place, context: snapshot.context, signal, asker,
    report: async (outcome) => {
      if (!signal.aborted) await report(engine, entity, place, outcome, asker);
    },
  };
  try {
    const outcome = await effect(work);
    if (outcome !== null && !signal.aborted) await report(engine, entity, place, outcome, asker);
  } catch (error) {
    if (!signal.aborted && !engine.closed) engine.fault(entity.stream, `effect ${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
}

const retryMs = 200;

/** An effect's word on how it went. It must not be lost: while the log takes nothing, it is said again. */
async function report<K extends ChartName>(engine: Engine, entity: Entity, place: Place, outcome: Reports[K], asker: Asker): Promise<void> {
  for (;;) {
    if (engine.closed) return;
    try {
      await engine.post(entity, { place, command: outcome as AnyCommand, asker, isReport: true });
      if (isGone(entity.snapshot) && entity.snapshot.status === 'done') callOff(entity);
      return;
    } catch (error) {
      if (!(error instanceof Refused) || error.kind !== 'unavailable') throw error;
      await engine.world.clock.until(engine.world.clock.now() + BigInt(retryMs) * 1_000_000n, new AbortController().signal);
    }
  }
}
