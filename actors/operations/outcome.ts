// outcome.ts: what came of something that was asked, for the one who asked
import type { Recorded } from '../../events/fact.ts';
import type { Failure, FailureReason } from '../../events/failure.ts';
import type { RefusalKind } from '../../machines/refusal.ts';
import { Refused } from '../refused.ts';

/**
 * How a failure is told to whoever asked. dockerd calls a command that is not there and a missing bind source bad
 * input, and its clients make exit codes 126 and 127 of that. moby: daemon/errors.go setExitCodeFromError
 */
const kinds: Readonly<Record<FailureReason, RefusalKind>> = {
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

export const refusedBy = (failure: Failure, prefix = ''): Refused => new Refused(kinds[failure.reason], `${prefix}${failure.message}`);

const failed = /Failed$/;

/** Throws `Refused` when the fact is one of failure. */
export function throwFailure(outcome: Recorded | null, prefix = ''): void {
  if (outcome !== null && failed.test(outcome.type)) throw refusedBy(outcome.data as Failure, prefix);
}
