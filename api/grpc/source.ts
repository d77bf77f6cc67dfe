// source.ts: what a stream's name stands for: the whole log, one stream of it, or the streams of a category or a type together
import type { Recorded } from '../../events/fact.ts';
import type { Log } from '../../events/log.ts';
import { uuidOf } from '../../events/uuid.ts';
import { matcher, type Filter } from './filter.ts';
import type { ReadEvent } from './messages.ts';
import { linkId, linkOf, recordOf, type Content, type UuidForm } from './record.ts';

/** A log and how its facts are shown. */
export interface Area {
  readonly log: Log;
  readonly content: (fact: Recorded) => Content;
}

/** The engine's log and, when a flag opened it, the area that clients may write to: streams that begin with a prefix. */
export interface Areas {
  readonly engine: Area;
  readonly scratch: (Area & { readonly prefix: string }) | null;
}

export interface Showing {
  readonly form: UuidForm;
  /** Of an entry that stands for another stream's fact: that fact, not the entry alone. */
  readonly resolve: boolean;
}

export interface Source {
  readonly name: string;
  readonly log: Log;
  /** The one stream of the log that has to be read; null: all of it. */
  readonly stream: string | null;
  has(fact: Recorded): boolean;
  /** By what a reader says where it is: in a stream the revision, in all others the position. */
  number(fact: Recorded): number;
  show(fact: Recorded, showing: Showing): ReadEvent;
  /** The id by which a reader acknowledges it. */
  idOf(fact: Recorded): string;
}

export const everything = '$all';

/** Streams that only refer to others, by the beginning of their name. KurrentDB: its system projections. */
const projections: readonly { readonly prefix: string; readonly of: (fact: Recorded) => string }[] = [
  { prefix: '$ce-', of: ({ stream }) => stream.split('-', 1)[0]! },
  { prefix: '$et-', of: ({ type }) => type },
];

const begins = (areas: Areas, name: string): boolean => areas.scratch !== null && name.startsWith(areas.scratch.prefix);
const areaOf = (areas: Areas, scratch: boolean): Area => (scratch && areas.scratch) || areas.engine;

const plainly = ({ content }: Area): Source['show'] => (fact, { form }) => ({ event: recordOf(fact, content(fact), form), commitPosition: fact.position });

/** Facts of the scratch area are never among the engine's: they are read by a filter of which every prefix leads there. */
function wholeLog(areas: Areas, filter: Filter | null): Source {
  const scratch = filter?.on === 'stream' && filter.prefixes.length > 0 && filter.prefixes.every((prefix) => begins(areas, prefix));
  const area = areaOf(areas, scratch);
  return {
    name: everything, log: area.log, stream: null, has: filter ? matcher(filter) : () => true, number: ({ position }) => position,
    show: plainly(area), idOf: ({ id }) => uuidOf(id),
  };
}

const oneStream = (area: Area, name: string): Source => ({
  name, log: area.log, stream: name, has: ({ stream }) => stream === name, number: ({ revision }) => revision, show: plainly(area), idOf: ({ id }) => uuidOf(id),
});

export function sourceOf(areas: Areas, name: string, filter: Filter | null = null): Source {
  if (name === everything) return wholeLog(areas, filter);
  const projection = projections.find(({ prefix }) => name.startsWith(prefix));
  const wanted = projection ? name.slice(projection.prefix.length) : name;
  const area = areaOf(areas, begins(areas, wanted));
  if (!projection) return oneStream(area, name);
  return {
    name, log: area.log, stream: null,
    has: (fact) => projection.of(fact) === wanted,
    number: ({ position }) => position,
    show: (fact, { form, resolve }) => {
      const link = linkOf(name, fact, form);
      return { ...(resolve ? { event: recordOf(fact, area.content(fact), form), link } : { event: link }), commitPosition: fact.position };
    },
    idOf: (fact) => linkId(name, fact),
  };
}
