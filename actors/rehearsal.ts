// rehearsal.ts: what a restart would do, said before it happens: nothing here touches the world
import type { effects } from './effects/index.ts';
import { effectsOf, type Snapshot } from '../machines/fold.ts';
import { deciders, type ChartName, type Views } from '../machines/index.ts';
import { isRefusal } from '../machines/refusal.ts';
import { all, get, isGone, viewOf, type Entity, type Roster } from './roster.ts';

export type Deed = 'create' | 'ensure' | 'start' | 'adopt' | 'signal' | 'stop' | 'release' | 'pause' | 'unpause' | 'update' | 'probe' | 'disconnect' | 'remove';

export interface Step {
  /** Networks are put up first; then what was under way goes on; then policies say what starts. */
  readonly phase: 'networks' | 'wake' | 'boot';
  readonly does: Deed;
  readonly kind: ChartName;
  readonly id: string;
  readonly name: string;
  readonly why: string;
}

type Words = readonly [does: Deed, why: string];

/** What each effect amounts to when it is begun anew. */
const deeds: { readonly [K in ChartName]: Readonly<Record<keyof (typeof effects)[K], Words>> } = {
  container: {
    prepare: ['create', 'its creation was under way'],
    ensureTask: ['start', 'its start was under way'],
    watchTask: ['adopt', 'it ran: if its process is gone, that is recorded as an unknown exit'],
    deliverSignal: ['signal', 'a signal was not delivered yet'],
    stopTask: ['stop', 'its stop was under way'],
    releaseRun: ['release', 'its run had ended and was being put away'],
    awaitRestart: ['start', 'its restart is due'],
    pauseTask: ['pause', 'its pause was under way'],
    resumeTask: ['unpause', 'its unpause was under way'],
    updateTask: ['update', 'its update was under way'],
    removeRun: ['remove', 'its removal was under way'],
    sweep: ['remove', 'it is removed, and what is left of it goes'],
  },
  exec: {
    ensureExec: ['start', 'its start was under way'],
    watchExec: ['adopt', 'it ran'],
    forgetExec: ['remove', 'it ended, and is forgotten when its time has come'],
  },
  health: { probe: ['probe', 'its container ran'] },
  image: { dropContent: ['remove', 'it is removed, and its content goes'] },
  network: { ensureNetwork: ['create', 'its creation was under way'], removeNetwork: ['remove', 'its removal was under way'] },
  volume: { createVolume: ['create', 'its creation was under way'], removeVolume: ['remove', 'its removal was under way'] },
};

const names: { readonly [K in ChartName]?: (context: Views[K]['context']) => string } = {
  container: ({ name }) => name,
  network: ({ network }) => network.name,
  image: ({ references }) => references[0]?.replace(/^docker\.io\/(library\/)?/, '') ?? '',
};

export const nameOf = ({ kind, id, snapshot }: Entity): string => (names[kind] as ((context: unknown) => string) | undefined)?.(snapshot.context) || id;

function reasonOf({ value, context }: Snapshot, effect: string, why: string): string {
  if (effect !== 'awaitRestart') return `${why} (${value})`;
  return `${why} at ${(context as unknown as Views['container']['context']).run.restartAt} (${value})`;
}

/** Effects that have nothing to do in this state. */
const isIdle = ({ context }: Snapshot, effect: string): boolean => effect === 'deliverSignal' && (context as unknown as Views['container']['context']).run.signals.length === 0;

function woken(entity: Entity, kind: ChartName, id: string, snapshot: Snapshot): Step[] {
  return effectsOf(kind, snapshot).filter((effect) => !isIdle(snapshot, effect)).map((effect): Step => {
    const words = (deeds[kind] as Readonly<Record<string, Words>>)[effect];
    if (!words) throw new Error(`no effect ${effect} for ${kind}: a restart would fail there`);
    return { phase: 'wake', does: words[0], kind, id, name: nameOf(entity), why: reasonOf(snapshot, effect, words[1]) };
  });
}

function booted(entity: Entity<'container'>, at: bigint): Step[] {
  const decision = deciders.container(viewOf(entity), { name: 'boot' }, at);
  if (isRefusal(decision)) return [];
  const step = { phase: 'boot', kind: 'container', id: entity.id, name: nameOf(entity) } as const;
  return decision.flatMap(({ type }): Step[] => {
    if (type === 'container.startRequested') return [{ ...step, does: 'start', why: `its restart policy ${viewOf(entity).context.spec.hostConfig.RestartPolicy.Name} says so` }];
    if (type === 'container.removeRequested') return [{ ...step, does: 'remove', why: 'it was to be removed when it ends' }];
    return [];
  });
}

/** What a restart would do about one entity, at a time. */
export function stepsOf(entity: Entity, at: bigint): Step[] {
  if (entity.quarantined !== null) return [];
  const exists = !isGone(entity.snapshot) && entity.snapshot.value !== 'absent';
  const parts = [...entity.parts.values()].flatMap(({ key, kind, snapshot }) => woken(entity, kind, key.slice(key.indexOf('/') + 1), snapshot));
  return [
    ...woken(entity, entity.kind, entity.id, entity.snapshot), ...parts,
    ...(exists && entity.kind === 'container' ? booted(entity as Entity<'container'>, at) : []),
  ];
}

function* leftLeases(roster: Roster): Generator<Step> {
  for (const network of all(roster, 'network')) {
    for (const containerId of Object.keys(viewOf(network).context.endpoints)) {
      if (get(roster, 'container', containerId)) continue;
      yield { phase: 'boot', does: 'disconnect', kind: 'network', id: network.id, name: nameOf(network), why: `container ${containerId.slice(0, 12)} is gone` };
    }
  }
}

/** All that a restart would do, in its order: what the steps of a start do with this roster. */
export function rehearse(roster: Roster, at: bigint): Step[] {
  const networks = [...all(roster, 'network')]
    .filter((network) => viewOf(network).state === 'present' && viewOf(network).context.network.driver === 'bridge')
    .map((network): Step => ({ phase: 'networks', does: 'ensure', kind: 'network', id: network.id, name: nameOf(network), why: 'its bridge and rules are to be there' }));
  const steps = [...roster.entities.values()].flatMap((entity) => stepsOf(entity, at));
  return [...networks, ...steps.filter(({ phase }) => phase === 'wake'), ...leftLeases(roster), ...steps.filter(({ phase }) => phase === 'boot')];
}
