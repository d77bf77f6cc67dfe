// read.ts: Streams.Read: a part of a stream or of all of them, or a subscription
import { filterOf, type Filter } from './filter.ts';
import type { FromPosition, FromRevision, ReadAnswer, ReadAsk, UuidOption } from './messages.ts';
import type { Outlet } from './outlet.ts';
import { nameOf, named, place, timestamp, type UuidForm } from './record.ts';
import { invalid } from './schema.ts';
import { everything, sourceOf, type Areas, type Showing, type Source } from './source.ts';
import { onwards, part } from './walk.ts';

export interface Reading {
  readonly areas: Areas;
  readonly now: () => bigint;
  readonly uuid: () => string;
}

/** How many facts KurrentDB looks at between checkpoints when the client does not say. */
const usualWindow = 32;

export const formOf = (option: UuidOption | null): UuidForm => (option?.content === 'structured' ? 'structured' : 'string');

type Options = NonNullable<ReadAsk['options']>;
/** Where a reader is: before the first, behind the last, or at a number. */
export type Spot = 'start' | 'end' | number;

/** Numbers beyond those that JavaScript can count are beyond every log. */
const counted = (text: string | number): number => Math.min(Number(text), Number.MAX_SAFE_INTEGER);

export function spotOf(from: FromRevision | FromPosition): Spot {
  if (from.end) return 'end';
  if ('revision' in from && from.revision !== undefined) return counted(from.revision);
  if ('position' in from && from.position) return counted(from.position.commitPosition);
  return 'start';
}

export const streamNamed = (name: string): string => {
  if (name === '') throw invalid('a stream must have a name');
  return name;
};

function asked(areas: Areas, { stream, all, filter }: Options): { source: Source; spot: Spot; filter: Filter | null } {
  if (!stream && !all) throw invalid('neither a stream nor $all was asked for');
  const wanted = all ? filterOf(filter) : null;
  return { source: sourceOf(areas, stream ? streamNamed(nameOf(stream.streamIdentifier)) : everything, wanted), spot: spotOf(stream ?? all!), filter: wanted };
}

export async function read(reading: Reading, ask: ReadAsk, to: Outlet<ReadAnswer>): Promise<void> {
  const { options } = ask;
  if (options === null) throw invalid('nothing was asked for');
  const { source, spot, filter } = asked(reading.areas, options);
  const showing: Showing = { form: formOf(options.uuidOption), resolve: options.resolveLinks };
  if (options.subscription) return subscribe(reading, { source, spot, showing, window: filter ? windowOf(options) : null }, to);
  await readPart(options, { source, spot, showing }, to);
}

async function readPart({ readDirection, count }: Options, { source, spot, showing }: { source: Source; spot: Spot; showing: Showing }, to: Outlet<ReadAnswer>) {
  const backwards = readDirection === 'BACKWARDS';
  if ((spot === 'end') !== backwards && typeof spot !== 'number') return;
  // KurrentDB: a position of $all is read backwards from, not with; a revision is read with.
  const from = typeof spot !== 'number' ? null : backwards && source.name === everything ? spot - 1 : spot;
  let found = 0;
  for await (const facts of part(source, { from, backwards, count: counted(count ?? 0) })) {
    found += facts.length;
    for (const fact of facts) {
      await to.send({ event: source.show(fact, showing) });
      if (to.signal.aborted) return;
    }
  }
  if (found === 0 && source.name !== everything && !(await exists(source))) await to.send({ streamNotFound: { streamIdentifier: named(source.name) } });
}

async function exists(source: Source): Promise<boolean> {
  for await (const facts of part(source, { from: null, backwards: false, count: 1 })) return facts.length > 0;
  return false;
}

const windowOf = ({ filter }: Options): number => Math.max(1, filter!.max ?? usualWindow) * Math.max(1, filter!.checkpointIntervalMultiplier);

interface Subscribed {
  readonly source: Source;
  readonly spot: Spot;
  readonly showing: Showing;
  /** Facts looked at between two checkpoints; null: each fact tells where its reader is. */
  readonly window: number | null;
}

async function subscribe({ now, uuid }: Reading, { source, spot, showing, window }: Subscribed, to: Outlet<ReadAnswer>): Promise<void> {
  await to.send({ confirmation: { subscriptionId: uuid() } });
  const floor = typeof spot === 'number' ? spot : -1;
  const after = spot === 'end' ? source.log.head() : source.stream === null ? floor : -1;
  let looked = 0;
  let told = false;
  const checkpoint = (position: number) => to.send({ checkpoint: { ...place(position), timestamp: timestamp(now()) } });
  for await (const step of onwards(source, after, to.signal)) {
    for (const fact of step.facts) {
      if (source.number(fact) <= floor) continue;
      const full = to.send({ event: source.show(fact, showing) });
      if (full) await full;
      if (to.signal.aborted) return;
    }
    looked += step.looked;
    const arrived = step.caughtUp && !told;
    if (window !== null && step.position >= 0 && (looked >= window || arrived)) {
      looked = 0;
      await checkpoint(step.position);
    }
    if (arrived) {
      told = true;
      const where = source.name === everything && step.position >= 0 ? { position: place(step.position) } : {};
      await to.send({ caughtUp: { timestamp: timestamp(now()), ...where } });
    }
  }
}
