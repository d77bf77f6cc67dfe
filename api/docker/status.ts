// status.ts: which HTTP status each kind of no has; the only place where a no becomes a number
import { refusedBy } from '../../actors/operations/outcome.ts';
import { Refused } from '../../actors/refused.ts';
import { WorldFailure } from '../../actors/world.ts';
import type { RefusalKind } from '../../machines/refusal.ts';

export const statusOfRefusal: Readonly<Record<RefusalKind, number>> = {
  invalid: 400,
  notFound: 404,
  conflict: 409,
  notModified: 304,
  forbidden: 403,
  unavailable: 503,
  failed: 500,
  notImplemented: 501,
};

export interface No {
  readonly status: number;
  readonly message: string;
}

/** Null: nothing that was expected, a defect. */
export function noOf(error: unknown): No | null {
  if (error instanceof Refused) return { status: statusOfRefusal[error.kind], message: error.message };
  if (error instanceof WorldFailure) return noOf(refusedBy(error.failure));
  return null;
}
