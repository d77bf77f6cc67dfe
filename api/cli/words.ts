// words.ts: the words after a command's name: options, and what they are about
import { parseArgs } from 'node:util';
import { moment, type Moment } from '../docker/moment.ts';
import { UsageError } from '../flag-syntax.ts';

/** What a command takes. */
export interface Form {
  /** `tallyd log [OPTIONS]`. */
  readonly usage: string;
  /** Options with a value, each with its letter or an empty text. */
  readonly texts?: Readonly<Record<string, string>>;
  readonly flags?: Readonly<Record<string, string>>;
  /** How many words that are no options there are, at least and at most. */
  readonly words?: readonly [least: number, most: number];
}

export interface Words {
  /** The last one given; null when there is none. */
  text(name: string): string | null;
  /** An option may be given more than once. */
  list(name: string): readonly string[];
  flag(name: string): boolean;
  readonly rest: readonly string[];
  readonly usage: string;
}

export function readWords({ usage, texts = {}, flags = {}, words: [least, most] = [0, 0] }: Form, given: readonly string[]): Words {
  const option = (type: 'string' | 'boolean') => ([name, letter]: [string, string]) => [name, { type, multiple: true as const, ...(letter ? { short: letter } : {}) }];
  const options = Object.fromEntries([
    ...Object.entries({ 'data-root': '', 'event-log': '', format: '', ...texts }).map(option('string')),
    ...Object.entries(flags).map(option('boolean')),
  ]) as Record<string, { type: 'string' | 'boolean'; multiple: true }>;
  const { values, positionals } = parsed(usage, given, options);
  if (positionals.length < least || positionals.length > most) throw new UsageError(`usage: ${usage}`);
  const list = (name: string) => (values[name] ?? []).filter((value) => typeof value === 'string');
  return { list, text: (name) => list(name).at(-1) ?? null, flag: (name) => values[name]?.at(-1) === true, rest: positionals, usage };
}

function parsed(usage: string, given: readonly string[], options: Record<string, { type: 'string' | 'boolean'; multiple: true }>) {
  try {
    return parseArgs({ args: [...given], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('. ')[0]}\nusage: ${usage}`);
  }
}

export function formatOf(words: Words): 'text' | 'json' {
  const format = words.text('format') ?? 'text';
  if (format !== 'text' && format !== 'json') throw new UsageError(`invalid argument "${format}" for "--format" flag: must be text or json`);
  return format;
}

/** `17` is a position; `10m`, `2026-11-25T10:00:00Z`, `1795601764.5` are times. Null when it is not given. */
export function momentOf(words: Words, name: string, now: bigint): Moment | null {
  const given = words.text(name);
  return given === null ? null : moment(/^\d+$/.test(given) ? `position:${given}` : given, now);
}
