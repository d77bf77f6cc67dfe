// past.ts: the roster as it was: the log folded up to a position or a time
import type { Engine } from './engine.ts';
import { positionAt } from './moments.ts';
import { fold } from './restore.ts';
import { emptyRoster, type Roster } from './roster.ts';

/** Facts up to the position, inclusive. */
export async function rosterAt(engine: Engine, position: number): Promise<Roster> {
  if (position >= engine.roster.position) return engine.roster;
  const roster = emptyRoster();
  if (position < 0) return roster;
  for await (const batch of engine.log.read({ to: position })) for (const fact of batch) fold(roster, fact);
  return roster;
}

/** Facts up to the time, inclusive. */
export const rosterAtTime = async (engine: Engine, time: bigint): Promise<Roster> => rosterAt(engine, (await positionAt(engine.log, time + 1n)) - 1);
