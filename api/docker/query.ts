// query.ts: the parameters of a request, read as Docker reads them
import { Refused } from '../../actors/refused.ts';

const noes = new Set(['', '0', 'no', 'false', 'none']);

/** moby: httputils/form.go BoolValue */
export const flag = (query: URLSearchParams, name: string, otherwise = false): boolean => {
  const value = query.get(name);
  return value === null ? otherwise : !noes.has(value.trim().toLowerCase());
};

/** Null when it is not given or empty. */
export function integer(query: URLSearchParams, name: string): number | null {
  const value = query.get(name);
  if (value === null || value === '') return null;
  if (!/^[+-]?\d+$/.test(value)) throw new Refused('invalid', `strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`);
  return Number(value);
}

export const text = (query: URLSearchParams, name: string): string => query.get(name) ?? '';

/** Filters by name: `{status: ['running', 'paused']}`. */
export type Filters = ReadonlyMap<string, readonly string[]>;

/**
 * Written as `{"name": ["a"]}` or, by old clients, as `{"name": {"a": true}}`. A filter that is not known is refused, except by
 * operations that know none by name (null). moby: api/types/filters/parse.go
 */
export function filters(query: URLSearchParams, known: readonly string[] | null): Filters {
  const written = query.get('filters');
  if (written === null || written === '') return new Map();
  const parsed = parsedFilters(written);
  const found = new Map<string, readonly string[]>();
  for (const [name, values] of Object.entries(parsed)) {
    if (known !== null && !known.includes(name)) throw new Refused('invalid', `invalid filter '${name}'`);
    found.set(name, valuesOf(values));
  }
  return found;
}

function parsedFilters(written: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(written);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Record<string, unknown>;
    if (parsed === null) return {};
  } catch {
    // Answered below: what matters is that it cannot be read.
  }
  throw new Refused('invalid', `invalid filter`);
}

function valuesOf(values: unknown): string[] {
  if (Array.isArray(values) && values.every((value) => typeof value === 'string')) return values;
  if (typeof values === 'object' && values !== null && !Array.isArray(values)) {
    const entries = Object.entries(values);
    if (entries.every(([, on]) => typeof on === 'boolean')) return entries.filter(([, on]) => on).map(([value]) => value);
  }
  throw new Refused('invalid', `invalid filter`);
}

/** A filter that is yes or no; null when it is not given. */
export function booleanFilter(given: Filters, name: string): boolean | null {
  const values = given.get(name);
  if (!values || values.length === 0) return null;
  if (values.length === 1 && ['1', 'true'].includes(values[0]!)) return true;
  if (values.length === 1 && ['0', 'false'].includes(values[0]!)) return false;
  throw new Refused('invalid', `invalid filter '${name}=[${values.join(' ')}]'`);
}

/** `label=a`, `label=a=b`, `label!=a`: all of the wanted ones are there. moby: filters.MatchKVList */
export function hasLabels(labels: Readonly<Record<string, string>>, wanted: readonly string[]): boolean {
  return wanted.every((label) => {
    const [key, value] = halves(label);
    return key in labels && (value === null || labels[key] === value);
  });
}

function halves(label: string): [key: string, value: string | null] {
  const at = label.indexOf('=');
  return at === -1 ? [label, null] : [label.slice(0, at), label.slice(at + 1)];
}
