// notice.ts: a fact as `docker events` tells it
import { idOf, kindOf, rows, type AnyFact } from './index.ts';
import type { Recorded } from './fact.ts';
import { signalNumber } from './signal.ts';

/** Docker's own words for an event, without its legacy fields. */
export interface Notice {
  /** `container`, `image`, `volume`, `network`, `daemon`. */
  readonly type: string;
  readonly action: string;
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Nanoseconds since the epoch. */
  readonly time: bigint;
}

type DataOf<Type extends AnyFact['type']> = Extract<AnyFact, { type: Type }>['data'];

/** What notices of an entity say beside their fact, as it was at that time. */
interface Known {
  readonly attributes: Readonly<Record<string, string>>;
  /** What its execs execute. */
  readonly execs: ReadonlyMap<string, string>;
}
const nothing: Known = { attributes: {}, execs: new Map() };

/** The facts out of which it becomes known. */
const lessons: { readonly [Type in AnyFact['type']]?: (data: DataOf<Type>, known: Known) => Known } = {
  'container.createRequested': ({ name, spec: { config } }) => ({
    ...nothing, attributes: { ...config.Labels, ...(config.Image === '' ? {} : { image: config.Image }), name },
  }),
  'container.renamed': ({ name }, known) => ({ ...known, attributes: { ...known.attributes, name } }),
  'exec.created': ({ id, spec }, known) => ({ ...known, execs: new Map(known.execs).set(id, spec.command.join(' ')) }),
  'exec.forgotten': ({ id }, known) => ({ ...known, execs: new Map([...known.execs].filter(([other]) => other !== id)) }),
  'image.added': ({ image }) => ({ ...nothing, attributes: image.config.config?.Labels ?? {} }),
  'image.removed': () => nothing,
  'network.createRequested': ({ network }) => ({ ...nothing, attributes: { name: network.name, type: network.driver } }),
  'volume.createRequested': ({ volume }) => ({ ...nothing, attributes: { driver: volume.driver } }),
};
/** Nothing is told of an entity after these. */
const last: ReadonlySet<AnyFact['type']> = new Set(['container.swept', 'container.createFailed', 'network.removed', 'volume.removed', 'image.swept']);

type Attributes = Readonly<Record<string, string>>;

/** What a fact adds to what is known of its entity. moby: the callers of LogContainerEventWithAttributes and its like */
const additions: { readonly [Type in AnyFact['type']]?: (data: DataOf<Type>) => Attributes } = {
  'container.exited': ({ exitCode, runSeconds }) => ({ execDuration: String(runSeconds), exitCode: String(exitCode) }),
  'container.lost': ({ exitCode, runSeconds }) => ({ execDuration: String(runSeconds), exitCode: String(exitCode) }),
  'container.killed': ({ signal }) => ({ signal: String(signalNumber(signal) ?? signal) }),
  'container.renamed': ({ oldName }) => ({ oldName: `/${oldName}` }),
  'container.resized': ({ height, width }) => ({ height: String(height), width: String(width) }),
  'container.committed': ({ comment, imageID, imageRef }) => ({ comment, imageID, imageRef }),
  'exec.created': ({ id }) => ({ execID: id }),
  'exec.startRequested': ({ id }) => ({ execID: id }),
  'exec.detached': ({ id }) => ({ execID: id }),
  'exec.exited': ({ id, exitCode }) => ({ execID: id, exitCode: String(exitCode) }),
  'image.created': ({ name }) => ({ name }),
  'image.pulled': ({ name }) => ({ name: repositoryOf(name) }),
  'image.pushed': ({ name }) => ({ name: repositoryOf(name) }),
  'image.imported': ({ name }) => ({ name }),
  'image.loaded': ({ name }) => ({ name }),
  'image.saved': ({ name }) => ({ name }),
  'image.tagged': ({ name }) => ({ name }),
  'image.untagged': ({ name }) => ({ name }),
  'image.removed': ({ name }) => ({ name }),
  'network.connected': ({ containerId }) => ({ container: containerId }),
  'network.disconnected': ({ containerId }) => ({ container: containerId }),
  'volume.mounted': ({ containerId, destination, readWrite, propagation }) => ({
    container: containerId, destination, 'read/write': String(readWrite), propagation,
  }),
  'volume.unmounted': ({ containerId }) => ({ container: containerId }),
  'daemon.reloaded': ({ attributes }) => attributes,
};

/** `busybox` of `busybox:latest`, `localhost:5000/a@sha256:...`. */
const repositoryOf = (name: string): string => name.replace(/@.*$/, '').replace(/:[^:/]*$/, '');

/** Actions that say more than their row. */
const longer: { readonly [Type in AnyFact['type']]?: (action: string, data: DataOf<Type>, known: Known) => string } = {
  'exec.created': (action, { id }, { execs }) => `${action}: ${execs.get(id) ?? ''}`,
  'exec.startRequested': (action, { id }, { execs }) => `${action}: ${execs.get(id) ?? ''}`,
  'health.changed': (action, { status }) => `${action}: ${status}`,
};

/** Docker names images by reference where a registry was asked. */
const actorOf = (fact: Recorded): string => {
  if (fact.type === 'image.pulled' || fact.type === 'image.pushed') return (fact.data as { name: string }).name;
  const id = idOf(fact.stream);
  return fact.stream.startsWith('image-') ? `sha256:${id}` : id;
};

type Given<Table> = { readonly [Key in keyof Table]?: (...given: never[]) => unknown };
const of = <Result>(table: Given<unknown>, type: string): ((...given: unknown[]) => Result) | undefined =>
  (table as Readonly<Record<string, (...given: unknown[]) => Result>>)[type];

/**
 * Reads the log in order and tells of it. Names and labels stand in earlier facts: a teller that begins in the middle
 * must `learn` a stream, up to there, before it tells of it; `knows` says whether that is needed.
 */
export interface Teller {
  knows(fact: Recorded): boolean;
  learn(fact: Recorded): void;
  /** Learns from the fact, and tells of it; null when it is a private one. */
  tell(fact: Recorded): Notice | null;
}

export function teller(): Teller {
  const memory = new Map<string, Known>();
  const learn = (fact: Recorded): void => {
    const lesson = of<Known>(lessons, fact.type);
    if (lesson) memory.set(fact.stream, inOrder(lesson(fact.data, memory.get(fact.stream) ?? nothing)));
    else if (!memory.has(fact.stream)) memory.set(fact.stream, nothing);
  };
  return {
    knows: ({ stream, type }) => memory.has(stream) || !rows.get(type)?.docker || stream.startsWith('daemon-') || begins.has(type),
    learn,
    tell: (fact) => {
      const told = rows.get(fact.type)?.docker ?? null;
      if (of(lessons, fact.type) || told !== null) learn(fact);
      const known = memory.get(fact.stream) ?? nothing;
      if (last.has(fact.type as AnyFact['type'])) memory.delete(fact.stream);
      return told === null ? null : noticeOf(fact, told, known);
    },
  };
}

/** With these a stream begins, or begins anew. */
const begins: ReadonlySet<string> = new Set(['container.createRequested', 'image.added', 'network.createRequested', 'volume.createRequested']);

function noticeOf(fact: Recorded, told: string, known: Known): Notice {
  const kind = kindOf(fact.type);
  const added = of<Attributes>(additions, fact.type)?.(fact.data);
  return {
    type: kind === 'exec' || kind === 'health' ? 'container' : kind,
    action: of<string>(longer, fact.type)?.(told, fact.data, known) ?? told,
    id: actorOf(fact),
    attributes: added ? sorted({ ...known.attributes, ...added }) : known.attributes,
    time: fact.time,
  };
}

/** Go writes a map in the order of its keys. */
const sorted = (attributes: Attributes): Attributes =>
  Object.fromEntries(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : Number(a > b))));

const inOrder = (known: Known): Known => ({ ...known, attributes: sorted(known.attributes) });

/** Docker's JSON up to version 1.51, with the fields of its first versions. */
export function noticeJson({ type, action, id, attributes, time }: Notice): string {
  const legacy =
    type === 'container' ? { status: action, id, ...(attributes.image ? { from: attributes.image } : {}) }
    : type === 'image' ? { status: action, id }
    : {};
  const text = JSON.stringify({
    ...legacy, Type: type, Action: action, Actor: { ID: id, Attributes: attributes }, scope: 'local', time: Number(time / 1_000_000_000n),
  });
  // More digits than a JavaScript number has.
  return `${text.slice(0, -1)},"timeNano":${time}}`;
}
