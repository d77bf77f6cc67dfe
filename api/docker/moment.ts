// moment.ts: a moment as a client writes it: `1795601764.5`, `2026-11-25T10:00:00Z`, `10m` ago, a date, or `position:123`
import { Refused } from '../../actors/refused.ts';
import { duration } from '../../events/duration.ts';
import { nanoseconds } from '../../events/time.ts';

export type Moment = { readonly position: number } | { readonly time: bigint };

const second = 1_000_000_000n;
function unix(text: string): bigint | null {
  const found = /^(-?\d+)(?:\.(\d+))?$/.exec(text);
  return found ? BigInt(found[1]!) * second + BigInt((found[2] ?? '').slice(0, 9).padEnd(9, '0')) : null;
}

/** Dates, and times of day that leave out seconds, minutes or the zone, which is then UTC. */
function calendar(text: string): bigint | null {
  const found = /^(\d{4}-\d\d-\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d)(\.\d{1,9})?)?)?)?(Z|z|[+-]\d\d:\d\d)?$/.exec(text);
  if (!found) return null;
  const [, date, hour = '00', minute = '00', seconds = '00', fraction = '', zone = 'Z'] = found;
  return nanoseconds(`${date}T${hour}:${minute}:${seconds}${fraction}${zone}`);
}

/** Null when nothing is given. */
export function moment(text: string, now: bigint): Moment | null {
  if (text === '') return null;
  const position = /^position:(-?\d+)$/.exec(text);
  if (position) return { position: Number(position[1]) };
  const ago = text === '0' ? null : duration(text);
  const time = ago === null ? (unix(text) ?? calendar(text)) : now - ago;
  if (time === null) throw new Refused('invalid', `failed to parse value as time or duration: ${JSON.stringify(text)}`);
  return { time };
}

/** A time, where a position in the log makes no sense; null when nothing is given. */
export function timeOf(text: string, now: bigint): bigint | null {
  const found = moment(text, now);
  if (found && !('time' in found)) throw new Refused('invalid', `failed to parse value as time or duration: ${JSON.stringify(text)}`);
  return found?.time ?? null;
}
