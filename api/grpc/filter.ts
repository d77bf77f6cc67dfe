// filter.ts: which facts a reader of `$all` asked for, by stream or type, prefix or pattern
import { createContext, Script } from 'node:vm';
import type { Recorded } from '../../events/fact.ts';
import type { Expression, FilterOptions } from './messages.ts';
import { invalid } from './schema.ts';

export interface Filter {
  readonly on: 'stream' | 'type';
  readonly prefixes: readonly string[];
  /** Empty: none. */
  readonly regex: string;
}

const longestPattern = 1000;
/** What one name may take to be matched: patterns exist that would take years. */
const matchMs = 100;
/** The most names whose outcome is remembered. */
const remembered = 10_000;

const of = (on: Filter['on'], { regex, prefix }: Expression): Filter => ({ on, regex, prefixes: [...prefix] });

export function filterOf(options: FilterOptions | undefined): Filter | null {
  if (options?.streamIdentifier) return of('stream', options.streamIdentifier);
  if (options?.eventType) return of('type', options.eventType);
  return null;
}

export function matcher({ on, prefixes, regex }: Filter): (fact: Recorded) => boolean {
  const matches = prefixes.length > 0 ? (name: string) => prefixes.some((prefix) => name.startsWith(prefix)) : regex ? pattern(regex) : () => true;
  const known = new Map<string, boolean>();
  return ({ stream, type }) => {
    const name = on === 'stream' ? stream : type;
    const before = known.get(name);
    if (before !== undefined) return before;
    if (known.size >= remembered) known.clear();
    const outcome = matches(name);
    known.set(name, outcome);
    return outcome;
  };
}

/** A pattern runs where it can be stopped. */
function pattern(regex: string): (name: string) => boolean {
  if (regex.length > longestPattern) throw invalid(`the pattern of a filter may have ${longestPattern} characters at most`);
  try {
    new RegExp(regex);
  } catch (error) {
    throw invalid(`the pattern of the filter cannot be used: ${(error as Error).message}`);
  }
  const context = createContext({ name: '' });
  const script = new Script(`new RegExp(${JSON.stringify(regex)}).test(name)`);
  return (name) => {
    context['name'] = name;
    try {
      return script.runInContext(context, { timeout: matchMs }) as boolean;
    } catch {
      throw invalid(`the pattern of the filter takes too long on ${name}`);
    }
  };
}
