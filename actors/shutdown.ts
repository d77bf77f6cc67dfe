// shutdown.ts: an orderly end: containers are stopped as they ask to be, within the time that the daemon has
import { ask } from './ask.ts';
import type { Engine, Listener } from './engine.ts';
import { all, viewOf, type Entity } from './roster.ts';
import type { Asker } from './turn.ts';

const second = 1_000_000_000n;
/** Docker's stop timeout of a container that names none. */
const stopSeconds = 10;
/** moby: daemon.ShutdownTimeout: the longest stop timeout and this much. */
const spareSeconds = 5;

/** Between two runs, `restarting`, nothing is to be stopped: the restart goes on where it was when the daemon is back. */
const lives = (entity: Entity) => entity.snapshot.hasTag('live' as never) || ['starting', 'releasing'].includes(entity.snapshot.value);
const living = (engine: Engine) => [...all(engine.roster, 'container')].filter(lives);

function limitOf(engine: Engine, asked: number): number | null {
  if (asked < 0) return null;
  const own = living(engine).map((container) => viewOf(container).context.spec.config.StopTimeout ?? stopSeconds);
  return own.some((seconds) => seconds < 0) ? null : Math.max(asked, ...own.map((seconds) => seconds + spareSeconds));
}

/** Resolves when no container lives any more; false when the time was over before. */
export async function stopContainers(engine: Engine, timeoutSeconds: number): Promise<boolean> {
  const { clock, random } = engine.world;
  const asker: Asker = { caller: { transport: 'internal' }, correlationId: random.uuid(), causation: null };
  const limit = limitOf(engine, timeoutSeconds);
  const over = new AbortController();
  const stop = (container: Entity<'container'>) => ask(engine, 'container', container.id, { name: 'shutDown', timeoutSeconds: null }, asker).catch(() => undefined);
  const ended = new Promise<true>((resolve) => {
    // One that was being started when it was asked is asked again once it runs.
    const listener: Listener = (fact, entity) => {
      if (fact.type === 'container.started' && entity) void stop(entity as Entity<'container'>);
      if (living(engine).length === 0) resolve(true);
    };
    engine.listeners.add(listener);
    for (const container of living(engine)) void stop(container);
    if (living(engine).length === 0) resolve(true);
  });
  const late = limit === null ? new Promise<false>(() => undefined) : clock.until(clock.now() + BigInt(limit) * second, over.signal).then(() => false as const, () => false as const);
  const result = await Promise.race([ended, late]);
  over.abort();
  return result;
}
