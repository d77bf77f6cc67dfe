// state-dump.ts: all that the daemon knows, in a file, for whoever has to find out what it is doing
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine } from '../actors/engine.ts';
import { rfc3339 } from '../events/time.ts';

/** Gives the file's path. */
export function dumpState(folder: string, status: string, engine: Engine | null, now: bigint): string {
  const path = join(folder, `state-${rfc3339(now).replaceAll(':', '')}.json`);
  const entities = [...(engine?.roster.entities.values() ?? [])].map(({ stream, revision, quarantined, snapshot, parts }) => ({
    stream, revision, quarantined, state: snapshot.value, context: snapshot.context,
    parts: [...parts.values()].map((part) => ({ key: part.key, state: part.snapshot.value, context: part.snapshot.context })),
  }));
  const state = {
    status, position: engine?.roster.position ?? null, awake: engine?.awake ?? false, listeners: engine?.listeners.size ?? 0,
    memory: process.memoryUsage(), open: process.getActiveResourcesInfo(), entities,
  };
  writeFileSync(path, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  return path;
}
