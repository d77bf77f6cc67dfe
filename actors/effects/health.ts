// health.ts: the probing of a container's health
import type { HealthConfig } from '../../events/spec.ts';
import { nanoseconds } from '../../events/time.ts';
import type { Context } from '../../machines/health/chart.ts';
import type { Effect } from '../effect.ts';
import { keepResult } from '../health-results.ts';
import { viewOf, type Entity } from '../roster.ts';

/** moby: daemon/health.go, in nanoseconds. */
const defaults = { interval: 30_000_000_000n, timeout: 30_000_000_000n, startInterval: 5_000_000_000n, retries: 3 } as const;

interface Timing {
  readonly interval: bigint;
  readonly startInterval: bigint;
  readonly startPeriodEnd: bigint;
  readonly timeout: bigint;
  readonly retries: number;
}

function timingOf(check: HealthConfig, startedAt: bigint): Timing {
  const or = (value: number | undefined, fallback: bigint) => (value ? BigInt(value) : fallback);
  return {
    interval: or(check.Interval, defaults.interval),
    startInterval: or(check.StartInterval, defaults.startInterval),
    startPeriodEnd: startedAt + or(check.StartPeriod, 0n),
    timeout: or(check.Timeout, defaults.timeout),
    retries: check.Retries || defaults.retries,
  };
}

/** Probes until the state changes: output is no fact, a change of health is. */
const probe: Effect<'health', Context> = async ({ engine, entity, context, place, signal }) => {
  const container = entity as Entity<'container'>;
  const { spec, run } = viewOf(container).context;
  const check = spec.config.Healthcheck ?? {};
  const { clock } = engine.world;
  const timing = timingOf(check, nanoseconds(run.startedAt) ?? clock.now());
  const state = container.parts.get(place!.key)?.snapshot.value;
  for (let streak = context.failingStreak; ; ) {
    const starting = state === 'starting' && clock.now() < timing.startPeriodEnd;
    await clock.until(clock.now() + (starting ? timing.startInterval : timing.interval), signal);
    const began = clock.now();
    const { exitCode, output } = await probeOnce(engine, container, check, spec, timing.timeout, signal);
    const inStartPeriod = clock.now() < timing.startPeriodEnd && state === 'starting';
    streak = exitCode === 0 || inStartPeriod ? 0 : streak + 1;
    keepResult(container, { began, ended: clock.now(), exitCode, output }, streak);
    if (exitCode === 0 && state !== 'healthy') return { name: 'reportHealthy' };
    if (streak >= timing.retries && state !== 'unhealthy') return { name: 'reportUnhealthy', failingStreak: streak };
  }
};

async function probeOnce(
  engine: Parameters<typeof probe>[0]['engine'], container: Entity<'container'>, check: HealthConfig, spec: Parameters<typeof engine.world.runtime.execs.probe>[2],
  timeout: bigint, signal: AbortSignal,
): Promise<{ exitCode: number; output: string }> {
  const tooLong = new AbortController();
  const either = AbortSignal.any([signal, tooLong.signal]);
  const { clock, runtime } = engine.world;
  const ended = new AbortController();
  void clock.until(clock.now() + timeout, AbortSignal.any([signal, ended.signal])).then(() => tooLong.abort(), () => undefined);
  try {
    return await runtime.execs.probe(container.id, check, spec, either);
  } catch (error) {
    if (signal.aborted) throw error;
    if (tooLong.signal.aborted) return { exitCode: -1, output: `Health check exceeded timeout (${Number(timeout) / 1e9}s)` };
    return { exitCode: -1, output: error instanceof Error ? error.message : String(error) };
  } finally {
    ended.abort();
  }
}

export const healthEffects = { probe };
