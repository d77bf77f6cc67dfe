// retry.ts: what must come about is tried until it does, or until nobody wants it any more
import type { Engine } from '../engine.ts';

const pauseNanos = 500_000_000n;

export async function retried(engine: Engine, signal: AbortSignal, attempt: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    try {
      return await attempt();
    } catch {
      await engine.world.clock.until(engine.world.clock.now() + pauseNanos, signal).catch(() => undefined);
    }
  }
}
