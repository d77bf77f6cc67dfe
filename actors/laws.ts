// laws.ts: what must hold at every position of a log, whatever happened: the replay law and its kin
import type { Recorded } from '../events/fact.ts';
import type { Log } from '../events/log.ts';
import { fold, freeze, thaw } from './restore.ts';
import { emptyRoster, viewOf, isGone, type Entity, type Roster } from './roster.ts';

export interface Breach {
  readonly law: string;
  readonly stream: string;
  readonly position: number;
  readonly message: string;
}

/** A position, the fact that stands there being folded. */
export interface Look {
  readonly fact: Recorded;
  readonly roster: Roster;
  /** What the fact moved; null: nothing that has a chart, or nothing that is left. */
  readonly entity: Entity | null;
  /** What folding it met. */
  readonly problems: readonly string[];
  /** The revision before it in its stream. */
  readonly before: number;
}

type Law = (look: Look) => readonly string[];

/** The chart has an edge for each fact. */
const edges: Law = ({ problems }) => problems;

const revisions: Law = ({ fact, before }) => (fact.revision === before + 1 ? [] : [`revision ${fact.revision} of ${fact.stream} follows revision ${before}`]);

const causes: Law = ({ fact: { position, cause } }) =>
  cause.causation !== null && cause.causation >= position ? [`what caused fact ${position} is fact ${cause.causation}, which came later`] : [];

/** Stored and taken up again, it is what it was. */
const checkpoints: Law = ({ roster, entity }) => {
  if (!entity) return [];
  const one = { ...emptyRoster(), position: roster.position, time: roster.time, entities: new Map([[entity.stream, entity]]) };
  const written = freeze(one);
  const again = emptyRoster();
  thaw(again, written);
  return freeze(again) === written ? [] : [`${entity.stream} is not what it was when it is taken from a checkpoint`];
};

const namesKept: Law = ({ roster, entity }) => {
  if (!entity || (entity.kind !== 'container' && entity.kind !== 'network') || isGone(entity.snapshot) || entity.quarantined !== null) return [];
  const { context } = viewOf(entity as Entity<'container' | 'network'>);
  const name = 'network' in context ? context.network.name : context.name;
  const holder = roster.names[entity.kind].get(name);
  return holder === entity.id ? [] : [`the name ${name} of ${entity.stream} is ${holder ?? 'nobody'}'s`];
};

const addressesLeasedOnce: Law = ({ entity }) => {
  if (entity?.kind !== 'network') return [];
  const addresses = Object.values(viewOf(entity as Entity<'network'>).context.endpoints).flatMap(({ address }) => (address === '' ? [] : [address]));
  return addresses.filter((address, index) => addresses.indexOf(address) !== index).map((address) => `address ${address} is leased twice`);
};

export const laws: Readonly<Record<string, Law>> = { edges, revisions, causes, checkpoints, namesKept, addressesLeasedOnce };

/** Positions behind which others get their turn. */
const pause = 2000;

/** Every position up to one, in order: what a restart there would find, and what of it breaks a law. */
export async function* lookThrough(log: Log, to = log.head()): AsyncGenerator<Look & { readonly breaches: readonly Breach[] }> {
  const roster = emptyRoster();
  const revisionOf = new Map<string, number>();
  const broken = new Set<string>();
  for await (const batch of log.read({ to })) {
    for (const fact of batch) {
      const problems: string[] = [];
      fold(roster, fact, (_, message) => problems.push(message));
      const look: Look = { fact, roster, entity: roster.entities.get(fact.stream) ?? null, problems, before: revisionOf.get(fact.stream) ?? -1 };
      revisionOf.set(fact.stream, fact.revision);
      // One breach of a stream brings others with it: the first says where to look.
      const found = broken.has(fact.stream) ? [] : breachesAt(look);
      if (found.length > 0) broken.add(fact.stream);
      yield { ...look, breaches: found };
      if (fact.position % pause === 0) await new Promise((resolve) => void setImmediate(resolve));
    }
  }
}

const breachesAt = (look: Look): Breach[] =>
  Object.entries(laws).flatMap(([law, holds]) => holds(look).map((message) => ({ law, stream: look.fact.stream, position: look.fact.position, message })));

/** A checkpoint must be the fold of the log up to its position; null: it is, or there is none. */
export async function checkpointBreach(log: Log, fingerprint: string): Promise<Breach | null> {
  const checkpoint = await log.checkpoints.load(fingerprint);
  if (!checkpoint) return null;
  const roster = emptyRoster();
  for await (const batch of log.read({ to: checkpoint.position })) for (const fact of batch) fold(roster, fact);
  const stored = entitiesIn(checkpoint.state);
  const folded = entitiesIn(freeze(roster));
  const different = [...new Set([...stored.keys(), ...folded.keys()])].find((stream) => stored.get(stream) !== folded.get(stream));
  if (different === undefined) return null;
  return { law: 'checkpoint', stream: different, position: checkpoint.position, message: `the checkpoint at ${checkpoint.position} has another ${different} than the log` };
}

const entitiesIn = (state: string): Map<string, string> => {
  const { entities } = JSON.parse(state) as { entities: { key: string }[] };
  return new Map(entities.map((entity) => [entity.key, JSON.stringify(entity)]));
};
