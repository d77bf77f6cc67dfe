// restore.ts: `tallyd restore --at POSITION --dry-run`: what a restart there would do, and in which order
import { lookThrough, type Breach } from '../../actors/laws.ts';
import { foldTo } from '../../actors/past.ts';
import { rehearse, stepsOf, type Step } from '../../actors/rehearsal.ts';
import { linuxClock } from '../../actors/worlds/linux/clock.ts';
import type { Finding, Log } from '../../events/log.ts';
import { UsageError } from '../flag-syntax.ts';
import type { Command, Terminal } from './commands.ts';
import { positionOf, sourceOf, withLog } from './source.ts';
import { formatOf, momentOf, readWords } from './words.ts';

const usage = 'tallyd restore --dry-run [--at AT | --every] [--format text|json] [--data-root DIR | --event-log URL]';

type Format = 'text' | 'json';

export const restore: Command = async (given, terminal) => {
  const words = readWords({ usage, texts: { at: '' }, flags: { 'dry-run': '', every: '' } }, given);
  const format = formatOf(words);
  if (!words.flag('dry-run')) throw new UsageError(`a log is never set back: only what a restart would do can be told, with --dry-run\nusage: ${usage}`);
  const at = momentOf(words, 'at', linuxClock().now());
  if (at !== null && words.flag('every')) throw new UsageError('--at is one position, --every is all of them: give one of them');
  return withLog(sourceOf(words), async (log) => {
    const sound = words.flag('every') ? await everyPosition(log, format, terminal) : await onePosition(log, at === null ? log.head() : await positionOf(log, at), format, terminal);
    return sound ? 0 : 1;
  });
};

/** False: the log is damaged up to there, and what is told may lack something. */
async function onePosition(log: Log, position: number, format: Format, terminal: Terminal): Promise<boolean> {
  const problems: string[] = [];
  const roster = await foldTo(log, position, { onFault: (stream, message) => problems.push(`${stream}: ${message}`) });
  const steps = rehearse(roster, roster.time);
  const quarantined = [...roster.entities.values()].filter((entity) => entity.quarantined !== null);
  const touches = ({ position: at }: Finding) => at === null || at <= position || position >= log.head();
  const damage = [...log.findings.filter(touches).map(({ message }) => message), ...problems];
  if (format === 'json') await terminal.write([...steps, ...quarantined.map(({ stream, quarantined: why }) => ({ does: 'quarantine', stream, why }))].map((each) => `${JSON.stringify(each)}\n`).join(''));
  else {
    await terminal.write(`a restart at position ${position} would, in this order:\n`);
    await terminal.write(steps.length === 0 ? '  do nothing\n' : steps.map((step, index) => `${String(index + 1).padStart(4)}. ${textOf(step)}\n`).join(''));
    for (const { stream, quarantined: why } of quarantined) await terminal.write(`      leave ${stream} alone: ${why}\n`);
  }
  for (const message of damage) terminal.complain(`damage: ${message}\n`);
  return damage.length === 0;
}

const textOf = ({ does, kind, id, name, why }: Step): string => `${does} ${kind} ${name}${name === id ? '' : ` (${id.slice(0, 12)})`}: ${why}`;

/** At each position the steps are put together anew for what the fact moved: the others' are what they were. */
async function everyPosition(log: Log, format: Format, terminal: Terminal): Promise<boolean> {
  const planned = new Map<string, readonly Step[]>();
  const counts = new Map<string, number>();
  const count = (steps: readonly Step[], by: number) => {
    for (const { does } of steps) counts.set(does, (counts.get(does) ?? 0) + by);
  };
  let positions = 0;
  for await (const { fact, entity, roster, breaches } of lookThrough(log)) {
    positions += 1;
    const steps = entity ? stepsOf(entity, roster.time) : [];
    count(planned.get(fact.stream) ?? [], -1);
    count(steps, 1);
    planned.set(fact.stream, steps);
    if (format === 'json') await terminal.write(`${JSON.stringify({ position: fact.position, ...Object.fromEntries([...counts].filter(([, number]) => number > 0)) })}\n`);
    if (breaches[0]) return breach(breaches[0], format, terminal);
    // What could not be read at all is told by the log itself.
    const found = log.findings.find(({ position }) => position !== null && position <= fact.position);
    if (found) return breach({ law: found.kind, stream: found.stream ?? '', position: found.position ?? fact.position, message: found.message }, format, terminal);
  }
  const [left] = log.findings;
  if (left) return breach({ law: left.kind, stream: left.stream ?? '', position: left.position ?? log.head(), message: left.message }, format, terminal);
  if (format === 'text') await terminal.write(`a restart at any of ${positions} positions keeps the law\n`);
  return true;
}

async function breach({ law, stream, position, message }: Breach, format: Format, terminal: Terminal): Promise<false> {
  await terminal.write(format === 'json' ? `${JSON.stringify({ law, stream, position, message })}\n` : `position ${position} is the first that breaks the law (${law}${stream ? `, ${stream}` : ''}): ${message}\n`);
  return false;
}
