// past.ts: `?at=` of a query: the roster as it was at a position or a time
import type { Engine } from '../../actors/engine.ts';
import { rosterAt, rosterAtTime } from '../../actors/past.ts';
import type { Roster } from '../../actors/roster.ts';
import { moment } from './moment.ts';

/** `at=123` and `at=position:123` are positions; a time in seconds has to be written with a fraction or as a date. */
export async function rosterFor(engine: Engine, query: URLSearchParams): Promise<Roster> {
  const at = query.get('at') ?? '';
  if (at === '') return engine.roster;
  const wanted = moment(/^\d+$/.test(at) ? `position:${at}` : at, engine.world.clock.now());
  if (wanted === null) return engine.roster;
  return 'position' in wanted ? rosterAt(engine, wanted.position) : rosterAtTime(engine, wanted.time);
}
