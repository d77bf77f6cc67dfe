// config-file.ts: the configuration file: JSON with dockerd's keys
import { UsageError, type Given } from './flag-syntax.ts';
import { flagKeyed, type Flag, type FlagKind, type FlagValue } from './flag-table.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** JSON.parse keeps the last of two equal keys and says nothing: a file in which one line undoes another is a mistake. */
function duplicateKey(text: string): string | null {
  const open: Set<string>[] = [];
  const tokens = text.matchAll(/"(?:\\.|[^"\\])*"(\s*:)?|[{}]/g);
  for (const [token, colon] of tokens) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (colon) {
      const key = JSON.parse(token.slice(0, -colon.length)) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return null;
}

const wanted: Record<FlagKind, string> = {
  bool: 'true or false', int: 'a whole number', string: 'a string', list: 'a list of strings', map: 'an object',
};
const found = (value: Json) => (value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`);
const isObject = (value: Json | undefined): value is { [key: string]: Json } => typeof value === 'object' && value !== null && !Array.isArray(value);

/** `{"crun": {"path": "/usr/bin/crun"}}` is the file's way to say `--add-runtime crun=/usr/bin/crun`. */
const asRuntimes = (value: { [key: string]: Json }) =>
  Object.entries(value).map(([name, entry]) => [name, isObject(entry) ? entry['path'] : entry] as const);

function converted(flag: Flag, value: Json): FlagValue | null {
  if (flag.kind === 'bool') return typeof value === 'boolean' ? value : null;
  if (flag.kind === 'int') return Number.isSafeInteger(value) ? (value as number) : null;
  if (flag.kind === 'string') return typeof value === 'string' ? value : null;
  if (flag.kind === 'list') return Array.isArray(value) && value.every((each) => typeof each === 'string') ? (value as string[]) : null;
  if (!isObject(value)) return null;
  const entries = flag.name === 'add-runtime' ? asRuntimes(value) : Object.entries(value);
  // Of a flag that is refused anyway, the depth does not matter.
  if (!flag.supported) return Object.fromEntries(entries.map(([name, entry]) => [name, JSON.stringify(entry)]));
  return entries.every(([, entry]) => typeof entry === 'string') ? (Object.fromEntries(entries) as Record<string, string>) : null;
}

function checked(flag: Flag, key: string, value: FlagValue): void {
  const texts = Array.isArray(value) ? value : typeof value === 'object' ? Object.entries(value).map((pair) => pair.join('=')) : [String(value)];
  const why = texts.map((text) => flag.check?.(text)).find(Boolean);
  if (why) throw new UsageError(`"${key}": ${why}`);
}

function parsed(text: string): { [key: string]: Json } {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (error) {
    throw new UsageError(`it is no JSON: ${(error as Error).message}`);
  }
  if (!isObject(value)) throw new UsageError(`it must be a JSON object, not ${found(value)}`);
  const twice = duplicateKey(text);
  if (twice !== null) throw new UsageError(`the key "${twice}" is given twice`);
  return value;
}

const show = (value: FlagValue | undefined) =>
  Array.isArray(value) ? `[${value.join(' ')}]` : typeof value === 'object' ? `map[${Object.entries(value).map((pair) => pair.join(':')).join(' ')}]` : String(value);

/** moby: daemon/config/config.go findConfigurationConflicts; runtimes of both are merged. */
function conflicts(file: Given, line: Given): void {
  const both = [...file.keys()].filter((flag) => line.has(flag) && flag.name !== 'add-runtime');
  if (both.length === 0) return;
  const list = both.map((flag) => `${flag.key}: (from flag: ${show(line.get(flag))}, from file: ${show(file.get(flag))})`);
  throw new UsageError(`the following directives are specified both as a flag and in the configuration file: ${list.join(', ')}`);
}

/** What the file says, checked by itself and against what the command line says. */
export function readConfigFile(text: string, line: Given): Given {
  if (text.trim() === '') return new Map();
  const entries = Object.entries(parsed(text));
  const unknown = entries.map(([key]) => key).filter((key) => !flagKeyed.has(key));
  if (unknown.length > 0) throw new UsageError(`the following directives don't match any configuration option: ${unknown.join(', ')}`);
  const given: Given = new Map();
  for (const [key, json] of entries) {
    const flag = flagKeyed.get(key) as Flag;
    const value = converted(flag, json);
    if (value === null) throw new UsageError(`"${key}" must be ${wanted[flag.kind]}, not ${found(json)}`);
    checked(flag, key, value);
    given.set(flag, value);
  }
  conflicts(given, line);
  return given;
}
