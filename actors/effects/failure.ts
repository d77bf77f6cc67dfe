// failure.ts: what an effect reports when the world, or another entity, did not comply
import type { Failure } from '../../events/failure.ts';
import { Refused } from '../refused.ts';
import { WorldFailure } from '../world.ts';

const reasons = { notFound: 'networkMissing', conflict: 'conflict', invalid: 'invalid', unavailable: 'runtimeDown' } as const;

/** Anything else than a failure of the world or a refusal is a defect, and is told as such. */
export function failureOf(error: unknown): Failure {
  if (error instanceof WorldFailure) return error.failure;
  if (error instanceof Refused) return { reason: (reasons as Partial<Record<string, Failure['reason']>>)[error.kind] ?? 'other', message: error.message };
  return { reason: 'other', message: error instanceof Error ? error.message : String(error) };
}

/** What Docker gives as the exit code of a container that could not be started. */
export const exitCodeOf = (error: unknown): number => (error instanceof WorldFailure ? error.exitCode : 128);
