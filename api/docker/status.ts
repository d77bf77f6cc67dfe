// status.ts: which HTTP status each kind of no has; the only place where a no becomes a number
import type { FailureReason } from '../../events/failure.ts';
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

/** What the world could not do, as a refusal of the request that needed it. */
export const refusalOfFailure: Readonly<Record<FailureReason, RefusalKind>> = {
  imageMissing: 'notFound',
  mountSourceMissing: 'invalid',
  commandNotFound: 'invalid',
  commandNotExecutable: 'invalid',
  portInUse: 'failed',
  networkMissing: 'notFound',
  addressInUse: 'forbidden',
  runtimeUnknown: 'invalid',
  runtimeDown: 'unavailable',
  diskFull: 'unavailable',
  invalid: 'invalid',
  conflict: 'conflict',
  registryFailed: 'failed',
  unauthorized: 'failed',
  other: 'failed',
};

export interface No {
  readonly status: number;
  readonly message: string;
}

/** Null: nothing that was expected, a defect. */
export function noOf(error: unknown): No | null {
  if (error instanceof Refused) return { status: statusOfRefusal[error.kind], message: error.message };
  if (error instanceof WorldFailure) return { status: statusOfRefusal[refusalOfFailure[error.failure.reason]], message: error.message };
  return null;
}
