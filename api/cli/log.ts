// log.ts: `tallyd log`: what happened, one fact a line: when, what, who asked for it, what it came of
import type { Recorded } from '../../events/fact.ts';
import { kindOf } from '../../events/index.ts';
import type { Log, Range } from '../../events/log.ts';
import { positionAt } from '../../actors/moments.ts';
import { linuxClock } from '../../actors/worlds/linux/clock.ts';
import type { Moment } from '../docker/moment.ts';
import { UsageError } from '../flag-syntax.ts';
import type { Command, Terminal } from './commands.ts';
import { copyLog } from './copy.ts';
import { factJson, narrator, type Narrator } from './narrator.ts';
import { containerFinder, findPastContainers, type Finder } from './past-containers.ts';
import { positionOf, sourceOf, withLog } from './source.ts';
import { formatOf, momentOf, readWords, type Words } from './words.ts';

const usage = 'tallyd log [--stream S] [--kind K] [--type T] [--container NAME] [--from AT] [--to AT] [--follow] [--format text|json] [--data-root DIR | --event-log URL]';

export const log: Command = async (given, terminal) => {
  if (given[0] === 'copy') return copyLog(given.slice(1), terminal);
  const words = readWords({ usage, texts: { stream: '', kind: '', type: '', container: '', from: '', to: '' }, flags: { follow: 'f' } }, given);
  const format = formatOf(words);
  if (words.flag('follow') && words.text('to') !== null) throw new UsageError('--follow has no end, and --to is one: give one of them');
  const now = linuxClock().now();
  const [from, to] = [momentOf(words, 'from', now), momentOf(words, 'to', now)];
  return withLog(sourceOf(words), async (source) => {
    const last = to === null ? source.head() : await positionOf(source, to);
    const range = { from: await firstOf(source, from), to: last };
    const reference = words.text('container');
    const finder = reference === null ? null : await findPastContainers(source, reference);
    if (finder?.streams.size === 0 && !words.flag('follow')) throw new Error(`no container was ever called ${reference}`);
    const narrating = format === 'text' ? narrator() : null;
    const facts = words.flag('follow') ? source.follow(range.from - 1, terminal.signal) : source.read({ ...range, ...onlyStream(words) });
    await print(source, facts, { wanted: wantedBy(words, finder), narrating, terminal });
    return 0;
  });
};

const firstOf = async (source: Log, from: Moment | null): Promise<number> => {
  if (from === null) return 0;
  return 'position' in from ? from.position : positionAt(source, from.time);
};

/** One stream alone is read by itself; of several, the whole log is. */
function onlyStream(words: Words): Pick<Range, 'stream'> {
  const [stream, ...more] = words.list('stream');
  return stream !== undefined && more.length === 0 ? { stream } : {};
}

type Test = (fact: Recorded) => boolean;

/** Of each option that is given, one value must hold. */
function wantedBy(words: Words, finder: Finder | null): Test {
  const tests: Test[] = [];
  const [streams, kinds, types] = [words.list('stream'), words.list('kind'), words.list('type')];
  if (streams.length > 0) tests.push(({ stream }) => streams.includes(stream));
  if (kinds.length > 0) tests.push(({ type, stream }) => kinds.includes(kindOf(type)) || kinds.includes(stream.slice(0, stream.indexOf('-'))));
  if (types.length > 0) tests.push(({ type }) => types.includes(type) || types.includes(type.slice(type.indexOf('.') + 1)));
  if (finder) {
    const found = containerFinder(words.text('container')!);
    // While the log is followed, another one may come to bear the name.
    tests.push((fact) => {
      found.look(fact);
      const about = aboutOf(fact);
      return finder.streams.has(about) || found.streams.has(about);
    });
  }
  return (fact) => tests.every((test) => test(fact));
}

/** A refusal stands in a stream of its own and is about another one. */
export const aboutOf = ({ type, stream, data }: Recorded): string => (type === 'refusal.recorded' ? (data as { stream: string }).stream : stream);

interface Printing {
  readonly wanted: Test;
  /** Null: JSON. */
  readonly narrating: Narrator | null;
  readonly terminal: Terminal;
}

async function print(source: Log, batches: AsyncIterable<Recorded[]>, { wanted, narrating, terminal }: Printing): Promise<void> {
  for await (const batch of batches) {
    if (terminal.signal.aborted) return;
    let text = '';
    for (const fact of batch) {
      if (!wanted(fact)) {
        narrating?.learn(fact);
        continue;
      }
      if (narrating && !narrating.knows(fact)) await catchUp(source, narrating, fact);
      text += `${narrating ? narrating.line(fact) : factJson(fact)}\n`;
    }
    if (text !== '') await terminal.write(text);
  }
}

/** Names stand in earlier facts: a line that begins behind them is told after they were looked up. */
export async function catchUp(source: Log, narrating: Narrator, { stream, position }: Recorded): Promise<void> {
  for await (const batch of source.read({ stream, to: position - 1 })) for (const fact of batch) narrating.learn(fact);
}
