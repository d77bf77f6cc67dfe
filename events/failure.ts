// failure.ts: why the world did not do what was asked of it
import * as v from 'valibot';

/** Why something did not come about: a closed set, so that nobody reads meaning out of a message. */
export const failures = [
  'imageMissing',
  'mountSourceMissing',
  'commandNotFound',
  'commandNotExecutable',
  'portInUse',
  'networkMissing',
  'addressInUse',
  'runtimeUnknown',
  'runtimeDown',
  'diskFull',
  'invalid',
  'conflict',
  /** A registry was not reached, or gave an answer that is of no use. */
  'registryFailed',
  /** A registry does not accept who asks. */
  'unauthorized',
  'other',
] as const;
export const Failure = v.object({ reason: v.picklist(failures), message: v.string() });
export type Failure = v.InferOutput<typeof Failure>;
export type FailureReason = Failure['reason'];
