// histories.test.ts: what daemons of earlier versions recorded is folded to what they knew then
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { fold, freeze } from '../actors/restore.ts';
import { emptyRoster } from '../actors/roster.ts';
import type { Recorded } from '../events/fact.ts';
import { checkFact, upcast } from '../events/past.ts';
import { nanoseconds } from '../events/time.ts';

const folder = join(import.meta.dirname, 'histories');

interface Known {
  readonly key: string;
  readonly state: string;
  readonly context: unknown;
}

/** Later versions may know more of an entity, never anything else. */
function differences(path: string, recorded: unknown, folded: unknown): string[] {
  if (typeof recorded !== 'object' || recorded === null) return recorded === folded ? [] : [`${path} was ${JSON.stringify(recorded)}, is ${JSON.stringify(folded)}`];
  if (typeof folded !== 'object' || folded === null) return [`${path} is gone`];
  if (Array.isArray(recorded) && (!Array.isArray(folded) || folded.length !== recorded.length)) return [`${path} has another length`];
  return Object.entries(recorded).flatMap(([key, value]) => differences(`${path}/${key}`, value, (folded as Readonly<Record<string, unknown>>)[key]));
}

const known = (state: string): Map<string, Known> => new Map((JSON.parse(state) as { entities: Known[] }).entities.map((entity) => [entity.key, entity]));

for (const name of readdirSync(folder).filter((each) => each.endsWith('.jsonl'))) {
  test(`${name} is read as it was meant`, (t) => {
    const lines = readFileSync(join(folder, name), 'utf8').trimEnd().split('\n');
    const final = lines.pop()!;
    const roster = emptyRoster();
    for (const line of lines) {
      const { time, ...fact } = JSON.parse(line) as Omit<Recorded, 'time'> & { time: string };
      const recorded = upcast({ ...fact, time: nanoseconds(time)! });
      t.deepEqual(checkFact(recorded), [], `fact ${fact.position}`);
      fold(roster, recorded, (stream, message) => t.fail(`${stream}: ${message}`));
    }
    const [then, now] = [known(final), known(freeze(roster))];
    t.deepEqual([...now.keys()].toSorted(), [...then.keys()].toSorted());
    for (const [key, entity] of then) t.deepEqual(differences(key, entity, now.get(key)), []);
  });
}
