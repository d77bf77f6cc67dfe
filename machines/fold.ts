// fold.ts: a snapshot moved by facts: the one way, for the living daemon, its restore, its past and its simulation
import { createActor, type AnyActorScope, type AnyStateMachine, type MachineSnapshot } from 'xstate';
import type { KindName } from '../events/index.ts';
import { charts, type ChartName } from './index.ts';

export interface Event {
  readonly type: string;
  readonly data: unknown;
  /** RFC 3339. */
  readonly at: string;
}

/** A chart's snapshot as this house uses it: one flat state, one context. */
export type Snapshot = MachineSnapshot<Record<string, unknown>, Event, Record<string, undefined>, string, string, never, never, never>;

/**
 * xstate's own `transition` makes a throw-away actor at each call; one inert scope for each chart is worth a
 * factor of two. Children that a transition spawns are never started by it: what a state asks of the world is
 * read from `effectsOf` and run by the turn.
 */
const scopes = new Map<AnyStateMachine, AnyActorScope>();
function scopeOf(chart: AnyStateMachine): AnyActorScope {
  const known = scopes.get(chart);
  if (known) return known;
  const self = createActor(chart);
  const nothing = () => undefined;
  const scope = {
    self, defer: nothing, id: '', logger: nothing, sessionId: '', stopChild: nothing, system: self.system, emit: nothing, actionExecutor: nothing,
  } as unknown as AnyActorScope;
  scopes.set(chart, scope);
  return scope;
}

export const isChart = (kind: KindName): kind is ChartName => kind in charts;

export function initial(kind: ChartName): Snapshot {
  const chart = charts[kind] as AnyStateMachine;
  return chart.getInitialSnapshot(scopeOf(chart), undefined) as unknown as Snapshot;
}

/** A snapshot made of a checkpoint: it starts no effect by itself. */
export function resolved(kind: ChartName, state: string, context: unknown): Snapshot {
  const chart = charts[kind] as AnyStateMachine;
  return chart.resolveState({ value: state, context }) as unknown as Snapshot;
}

export const accepts = (snapshot: Snapshot, event: Event): boolean => snapshot.can(event);

/** The snapshot after a fact. A fact for which the chart has no edge is ignored by xstate: ask `accepts` first. */
export function move(kind: ChartName, snapshot: Snapshot, event: Event): Snapshot {
  const chart = charts[kind] as AnyStateMachine;
  return chart.transition(snapshot as never, event, scopeOf(chart)) as unknown as Snapshot;
}

interface Invoking {
  readonly invoke: readonly { readonly src: unknown; readonly id: string }[];
}

/** Names of what the state asks of the world. */
export function effectsOf(kind: ChartName, snapshot: Snapshot): string[] {
  const node = (charts[kind] as AnyStateMachine).states[snapshot.value] as unknown as Invoking | undefined;
  return node ? node.invoke.map(({ src }) => String(src)) : [];
}

/** Whether a move left the state that it began in, to another or to the same one anew: then its effects begin anew. */
export function entered(before: Snapshot, after: Snapshot): boolean {
  if (before.value !== after.value) return true;
  const earlier = before.children as Record<string, unknown>;
  return Object.entries(after.children as Record<string, unknown>).some(([id, child]) => earlier[id] !== child);
}
