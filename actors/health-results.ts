// health-results.ts: the last results of health checks, for inspect; no facts, gone with the daemon
import { rfc3339 } from '../events/time.ts';
import type { Entity } from './roster.ts';

/** moby: daemon/health.go */
const keptResults = 5;
const outputBytes = 4096;

export interface HealthResult {
  readonly Start: string;
  readonly End: string;
  readonly ExitCode: number;
  readonly Output: string;
}
const results = new WeakMap<Entity<'container'>, { streak: number; log: HealthResult[] }>();

export function keepResult(entity: Entity<'container'>, result: { began: bigint; ended: bigint; exitCode: number; output: string }, streak: number): void {
  const bytes = Buffer.from(result.output);
  const Output = bytes.length > outputBytes ? `${bytes.subarray(0, outputBytes).toString()}...` : result.output;
  const log = [...(results.get(entity)?.log ?? []), { Start: rfc3339(result.began), End: rfc3339(result.ended), ExitCode: result.exitCode, Output }];
  results.set(entity, { streak, log: log.slice(-keptResults) });
}

export const healthResults = (entity: Entity<'container'>): { streak: number; log: readonly HealthResult[] } => results.get(entity) ?? { streak: 0, log: [] };
