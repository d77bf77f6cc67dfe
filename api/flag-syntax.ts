// flag-syntax.ts: how a command line is read: dockerd's way, and its words for what is wrong
import { flagNamed, flagShort, type Flag, type FlagValue } from './flag-table.ts';

/** The command line or the configuration cannot be used as it is; the message says why. */
export class UsageError extends Error {}

export type Given = Map<Flag, FlagValue>;

const display = (flag: Flag) => (flag.short ? `-${flag.short}, --${flag.name}` : `--${flag.name}`);
const wrong = (flag: Flag, value: string, why: string) => new UsageError(`invalid argument "${value}" for "${display(flag)}" flag: ${why}`);

function boolean(flag: Flag, text: string): boolean {
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true;
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false;
  throw wrong(flag, text, 'must be true or false');
}

function integer(flag: Flag, text: string): number {
  if (/^[+-]?\d{1,15}$/.test(text)) return Number(text);
  throw wrong(flag, text, 'must be a whole number');
}

/** One value more for a flag: lists and maps collect, of others the last one counts. */
function take(given: Given, flag: Flag, text: string): void {
  const before = given.get(flag);
  const why = flag.check?.(text);
  if (why) throw wrong(flag, text, why);
  switch (flag.kind) {
    case 'bool':
      return void given.set(flag, boolean(flag, text));
    case 'int':
      return void given.set(flag, integer(flag, text));
    case 'string':
      return void given.set(flag, text);
    case 'list':
      return void given.set(flag, [...((before as string[] | undefined) ?? []), text]);
    case 'map': {
      const [name = '', ...value] = text.split('=');
      const known = (before as Record<string, string> | undefined) ?? {};
      if (name in known) throw wrong(flag, text, `'${name}' was already defined`);
      return void given.set(flag, { ...known, [name]: value.join('=') });
    }
  }
}

interface Reading {
  readonly given: Given;
  readonly rest: string[];
}

function long(word: string, { given, rest }: Reading): void {
  const [name = '', ...value] = word.slice(2).split('=');
  const flag = flagNamed.get(name);
  if (!flag) throw new UsageError(`unknown flag: --${name}`);
  if (value.length > 0) return take(given, flag, value.join('='));
  if (flag.kind === 'bool') return take(given, flag, 'true');
  const next = rest.shift();
  if (next === undefined) throw new UsageError(`flag needs an argument: --${name}`);
  take(given, flag, next);
}

/** `-D`, `-Dl warn`, `-lwarn`, `-l=warn`. */
function short(word: string, { given, rest }: Reading): void {
  for (let letters = word.slice(1); letters !== ''; letters = letters.slice(1)) {
    const flag = flagShort.get(letters.charAt(0));
    if (!flag) throw new UsageError(`unknown shorthand flag: '${letters.charAt(0)}' in ${word}`);
    if (letters.charAt(1) === '=') return take(given, flag, letters.slice(2));
    if (flag.kind !== 'bool') {
      const value = letters.length > 1 ? letters.slice(1) : rest.shift();
      if (value === undefined) throw new UsageError(`flag needs an argument: '${flag.short}' in ${word}`);
      return take(given, flag, value);
    }
    take(given, flag, 'true');
  }
}

export function readCommandLine(words: readonly string[]): Given {
  const reading: Reading = { given: new Map(), rest: [...words] };
  for (let word = reading.rest.shift(); word !== undefined; word = reading.rest.shift()) {
    if (word.startsWith('--') && word.length > 2) long(word, reading);
    else if (word.startsWith('-') && word.length > 1 && word !== '--') short(word, reading);
    else throw new UsageError(`"tallyd" accepts no argument(s).`);
  }
  return reading.given;
}
