// past.ts: the roster as it was: the log folded up to a position or a time
import type { Recorded } from '../events/fact.ts';
import type { Log } from '../events/log.ts';
import type { Engine } from './engine.ts';
import { positionAt } from './moments.ts';
import { fold, quarantine, thaw } from './restore.ts';
import { emptyRoster, type Roster } from './roster.ts';

export interface Folding {
  /** Of the charts, so that a checkpoint of the same ones saves most of the way; null: every fact is folded. */
  readonly fingerprint?: string | null;
  readonly onFault?: (stream: string, message: string) => void;
}

/** Facts up to the position, inclusive. */
export async function foldTo(log: Log, position: number, { fingerprint = null, onFault }: Folding = {}): Promise<Roster> {
  const roster = emptyRoster();
  if (position < 0) return roster;
  const checkpoint = fingerprint ? await log.checkpoints.load(fingerprint) : null;
  if (checkpoint && checkpoint.position <= position) thaw(roster, checkpoint.state);
  for await (const batch of log.read({ from: roster.position + 1, to: position })) for (const fact of batch) fold(roster, fact, onFault);
  for (const finding of log.findings) if (finding.stream !== null && (finding.position ?? 0) <= position) quarantine(roster, finding.stream, finding.message);
  return roster;
}

/** The last position that is not later than the time; -1 before the first fact. */
export const positionBy = async (log: Log, time: bigint): Promise<number> => (await positionAt(log, time + 1n)) - 1;

export const rosterAt = async (engine: Engine, position: number): Promise<Roster> =>
  position >= engine.roster.position ? engine.roster : foldTo(engine.log, position);

/** Facts up to the time, inclusive; the roster's own time is that one, for all that is told relative to it. */
export async function rosterAtTime(engine: Engine, time: bigint): Promise<Roster> {
  if (time >= engine.world.clock.now()) return engine.roster;
  return { ...(await rosterAt(engine, await positionBy(engine.log, time))), time };
}

/** The log as it was when the position was its last. Nothing is added to it any more, so that who follows it comes to its end. */
export function logUntil(log: Log, position: number): Log {
  const head = Math.min(position, log.head());
  const read: Log['read'] = (range = {}) => log.read({ ...range, to: Math.min(range.to ?? head, head) });
  async function* follow(after: number, signal: AbortSignal): AsyncGenerator<Recorded[]> {
    for await (const batch of read({ from: after + 1 })) {
      if (signal.aborted) return;
      yield batch;
    }
  }
  return {
    append: () => Promise.reject(new Error('this log is read as it was: nothing can be added')),
    read, follow,
    head: () => head,
    findings: log.findings,
    checkpoints: { load: (fingerprint) => log.checkpoints.load(fingerprint), save: async () => undefined },
    close: () => log.close(),
  };
}
