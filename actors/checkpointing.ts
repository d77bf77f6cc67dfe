// checkpointing.ts: when the fold of the log is stored, so that a start does not grow with the history
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine } from './engine.ts';
import { freeze } from './restore.ts';

/** A checkpoint costs a second at most with thousands of containers; folding as many facts costs less. */
const factsBetween = 20_000;

/** Of the charts and facts as they are written: a checkpoint that other charts made is not used. */
export function fingerprintOf(house: string): string {
  const hash = createHash('sha256');
  for (const floor of ['events', 'machines']) {
    const files = readdirSync(join(house, floor), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts')).toSorted();
    for (const file of files) hash.update(file).update(readFileSync(join(house, floor, file)));
  }
  return hash.digest('hex');
}

export interface Checkpointing {
  /** Stores one now if anything happened since the last. */
  save(): Promise<void>;
}

export function keepCheckpoints(engine: Engine, fingerprint: string, folded: number): Checkpointing {
  let behind = folded;
  let saving: Promise<void> | null = null;
  const save = (): Promise<void> => {
    if (behind === 0 || engine.roster.position < 0) return saving ?? Promise.resolve();
    behind = 0;
    const { position } = engine.roster;
    saving = engine.log.checkpoints.save(fingerprint, { position, state: freeze(engine.roster) }).catch(() => undefined);
    return saving;
  };
  engine.listeners.add(() => {
    behind += 1;
    // Not within the turn: all facts of a batch are applied when the loop comes round.
    if (behind === factsBetween) setImmediate(() => void save());
  });
  if (behind >= factsBetween) void save();
  return { save };
}
