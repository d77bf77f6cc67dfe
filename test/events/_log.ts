// _log.ts: what the tests of the log share
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { Proposed, Recorded } from '../../events/fact.ts';
import type { Log, Range } from '../../events/log.ts';

const cause: Proposed['cause'] = { command: 'start', commandId: 'c1', correlationId: 'r1', causation: null, caller: { transport: 'unix', uid: 0, pid: 7, agent: 'Docker-Client' } };

/** A fact that is different for every id. */
export const proposed = (id: string, padding = 0): Proposed => ({
  id,
  type: 'container.killed',
  data: { signal: `SIG${id}${'x'.repeat(padding)}` },
  time: 1_764_064_800_123_456_789n,
  cause,
});

export const several = (prefix: string, count: number): Proposed[] => Array.from({ length: count }, (_, index) => proposed(`${prefix}${index}`));

export async function all(log: Log, range?: Range): Promise<Recorded[]> {
  const facts: Recorded[] = [];
  for await (const batch of log.read(range)) facts.push(...batch);
  return facts;
}

export const ids = async (log: Log, range?: Range): Promise<string[]> => (await all(log, range)).map(({ id }) => id);

/** A folder that goes when the test ends. */
export async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tallyd-log-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}
