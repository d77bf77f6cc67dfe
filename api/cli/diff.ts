// diff.ts: `tallyd diff --from A --to B`: what came, what went and what became different between two moments
import { isDeepStrictEqual } from 'node:util';
import type { Log } from '../../events/log.ts';
import { nameOf } from '../../actors/rehearsal.ts';
import { fold } from '../../actors/restore.ts';
import { emptyRoster, isGone, type Entity, type Roster } from '../../actors/roster.ts';
import { linuxClock } from '../../actors/worlds/linux/clock.ts';
import { UsageError } from '../flag-syntax.ts';
import type { Command } from './commands.ts';
import { positionOf, sourceOf, withLog } from './source.ts';
import { formatOf, momentOf, readWords } from './words.ts';

const usage = 'tallyd diff --from AT [--to AT] [--format text|json] [--data-root DIR | --event-log URL]';

export const diff: Command = async (given, terminal) => {
  const words = readWords({ usage, texts: { from: '', to: '' } }, given);
  const format = formatOf(words);
  const now = linuxClock().now();
  const [from, to] = [momentOf(words, 'from', now), momentOf(words, 'to', now)];
  if (from === null) throw new UsageError(`--from is missing\nusage: ${usage}`);
  return withLog(sourceOf(words), async (log) => {
    const [first, last] = [await positionOf(log, from), to === null ? log.head() : await positionOf(log, to)];
    if (first > last) throw new UsageError(`--from is position ${first}, which is behind --to, position ${last}`);
    for (const change of await changesBetween(log, first, last)) await terminal.write(`${format === 'json' ? JSON.stringify(change) : textOf(change)}\n`);
    return 0;
  });
};

interface Seen {
  readonly kind: string;
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly context: unknown;
  /** States of its execs and its health. */
  readonly parts: Readonly<Record<string, string>>;
}

export interface Change {
  readonly change: 'added' | 'removed' | 'changed';
  readonly kind: string;
  readonly id: string;
  readonly name: string;
  readonly state: string;
  /** Paths into what is known of it, `state`, `run.exitCode`, with what stood there and what stands there. */
  readonly differences: readonly { readonly path: string; readonly from: unknown; readonly to: unknown }[];
}

async function changesBetween(log: Log, first: number, last: number): Promise<Change[]> {
  const roster = emptyRoster();
  let before: ReadonlyMap<string, Seen> | null = null;
  for await (const batch of log.read({ to: last })) {
    for (const fact of batch) {
      if (fact.position > first) before ??= seen(roster);
      fold(roster, fact);
    }
  }
  const after = seen(roster);
  return compared(before ?? after, after);
}

/** Snapshots are replaced and never changed: what is kept here stays as it was. */
function seen(roster: Roster): Map<string, Seen> {
  const exists = ({ snapshot }: Entity) => !isGone(snapshot) && snapshot.value !== 'absent';
  return new Map([...roster.entities.values()].filter(exists).map((entity) => [entity.stream, {
    kind: entity.kind, id: entity.id, name: nameOf(entity), state: entity.snapshot.value, context: entity.snapshot.context,
    parts: Object.fromEntries([...entity.parts.values()].map(({ key, snapshot }) => [key, snapshot.value])),
  }]));
}

function compared(before: ReadonlyMap<string, Seen>, after: ReadonlyMap<string, Seen>): Change[] {
  const changes: Change[] = [];
  for (const [stream, one] of before) if (!after.has(stream)) changes.push(changeOf('removed', one, []));
  for (const [stream, other] of after) {
    const one = before.get(stream);
    if (!one) changes.push(changeOf('added', other, []));
    else {
      const differences = [...pathsOf('state', one.state, other.state), ...pathsOf('', one.context, other.context), ...pathsOf('', one.parts, other.parts)];
      if (differences.length > 0) changes.push(changeOf('changed', other, differences));
    }
  }
  return changes;
}

const changeOf = (change: Change['change'], { kind, id, name, state }: Seen, differences: Change['differences']): Change => ({ change, kind, id, name, state, differences });

const isPlainObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);

function pathsOf(path: string, one: unknown, other: unknown): Change['differences'] {
  if (one === other || isDeepStrictEqual(one, other)) return [];
  if (!isPlainObject(one) || !isPlainObject(other)) return [{ path, from: one ?? null, to: other ?? null }];
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...keys].flatMap((key) => pathsOf(path === '' ? key : `${path}.${key}`, one[key], other[key]));
}

const signs = { added: '+', removed: '-', changed: '~' } as const;

function textOf({ change, kind, id, name, state, differences }: Change): string {
  const who = `${signs[change]} ${kind} ${name}${name === id ? '' : ` (${id.slice(0, 12)})`}`;
  const value = (each: unknown) => (typeof each === 'string' ? each || '""' : JSON.stringify(each));
  if (change === 'added') return `${who}: ${state}`;
  if (change === 'removed') return `${who}: was ${state}`;
  return [`${who}:`, ...differences.map(({ path, from, to }) => `    ${path}: ${value(from)} -> ${value(to)}`)].join('\n');
}
