// past.ts: `?at=` of a query: the roster as it was at a position or a time
import type { Engine } from '../../actors/engine.ts';
import type { Roster } from '../../actors/roster.ts';

export async function rosterFor(engine: Engine, _query: URLSearchParams): Promise<Roster> {
  return engine.roster;
}
