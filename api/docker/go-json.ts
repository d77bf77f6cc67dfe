// go-json.ts: JSON read as Go's decoder reads it: keys in any case, null means nothing said, and its sentences when a type is wrong
import { Refused } from '../../actors/refused.ts';

/** `words`: a list of strings, or one string by itself (moby: strslice). `any`: taken as it is. */
export type Shape =
  | 'string' | 'bool' | 'int' | 'uint' | 'any' | 'words'
  | { readonly list: Shape }
  | { readonly map: Shape }
  | { readonly fields: Readonly<Record<string, Shape>> };

interface Place {
  /** `CreateRequest.HostConfig`. */
  readonly path: string;
  readonly type: string;
}

const goTypes: Readonly<Record<string, string>> = { string: 'string', bool: 'bool', int: 'int64', uint: 'uint64', words: '[]string', any: 'interface {}' };
const typeOf = (shape: Shape): string => {
  if (typeof shape === 'string') return goTypes[shape]!;
  if ('list' in shape) return `[]${typeOf(shape.list)}`;
  return 'map' in shape ? `map[string]${typeOf(shape.map)}` : 'struct';
};

const said = (value: unknown): string => {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'number' : `number ${value}`;
  return typeof value === 'boolean' ? 'bool' : typeof value;
};

function wrong(value: unknown, { path, type }: Place): never {
  const into = path.includes('.') ? `Go struct field ${path} of type ${type}` : `Go value of type ${path}`;
  throw new Refused('invalid', `invalid JSON: json: cannot unmarshal ${said(value)} into ${into}`);
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

const plain: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  bool: (value) => typeof value === 'boolean',
  int: (value) => Number.isInteger(value),
  uint: (value) => Number.isInteger(value) && (value as number) >= 0,
  any: () => true,
};

function decode(shape: Shape, value: unknown, path: string): unknown {
  if (value === null || value === undefined) return undefined;
  const place = { path, type: typeOf(shape) };
  if (shape === 'words') return typeof value === 'string' ? [value] : decode({ list: 'string' }, value, path);
  if (typeof shape === 'string') return plain[shape]!(value) ? value : wrong(value, place);
  if ('list' in shape) return Array.isArray(value) ? value.map((each) => decode(shape.list, each, path) ?? empty(shape.list)) : wrong(value, place);
  if (!isObject(value)) return wrong(value, place);
  if ('map' in shape) return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, decode(shape.map, each, path) ?? null]));
  return decodeFields(shape.fields, value, path);
}

/** What Go has for an element that is null. */
const empty = (shape: Shape): unknown => ({ string: '', bool: false, int: 0, uint: 0 })[String(shape)] ?? null;

const lowered = new WeakMap<object, Map<string, string>>();
function namesOf(fields: Readonly<Record<string, Shape>>): Map<string, string> {
  const known = lowered.get(fields) ?? new Map(Object.keys(fields).map((name) => [name.toLowerCase(), name]));
  lowered.set(fields, known);
  return known;
}

function decodeFields(fields: Readonly<Record<string, Shape>>, value: Record<string, unknown>, path: string): Record<string, unknown> {
  const names = namesOf(fields);
  const decoded: Record<string, unknown> = {};
  for (const [key, each] of Object.entries(value)) {
    const name = names.get(key.toLowerCase());
    if (name === undefined) continue;
    const found = decode(fields[name]!, each, `${path}.${name}`);
    if (found !== undefined) decoded[name] = found;
  }
  return decoded;
}

/** `name` is Go's name of the whole, for its sentences. Null (no body) is taken as an empty one. */
export const fromGoJson = <T>(name: string, shape: Shape, value: unknown): Partial<T> => (decode(shape, value, name) ?? {}) as Partial<T>;
