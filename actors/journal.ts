// journal.ts: what the daemon says of itself on its standard error, in dockerd's form
import { rfc3339 } from '../events/time.ts';
import type { Clock } from './world.ts';

export const levels = ['debug', 'info', 'warning', 'error', 'fatal'] as const;
export type Level = (typeof levels)[number];
type Fields = Readonly<Record<string, string | number>>;

/** A line is `time="..." level=info msg="..." key=value`. */
export interface Journal {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warning(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

const quoted = (value: string | number) => (/^[\w.:/@-]+$/.test(String(value)) ? String(value) : JSON.stringify(String(value)));

/** `level` as `-l` takes it: `warn` is said `warning` in the lines. */
export function openJournal(write: (line: string) => void, clock: Pick<Clock, 'now'>, level: string): Journal {
  const least = levels.findIndex((each) => each.startsWith(level));
  const say = (at: Level) => (message: string, fields: Fields = {}) => {
    if (levels.indexOf(at) < least) return;
    const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${quoted(value)}`);
    write(`time=${JSON.stringify(rfc3339(clock.now()))} level=${at} msg=${JSON.stringify(message)}${rest.join('')}\n`);
  };
  return { debug: say('debug'), info: say('info'), warning: say('warning'), error: say('error') };
}
