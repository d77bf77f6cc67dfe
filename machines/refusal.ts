// refusal.ts: the closed set of expected noes; each face maps it once to its own codes

export const refusals = [
  'invalid',
  'notFound',
  'conflict',
  'notModified',
  'forbidden',
  'unavailable',
  'failed',
  'notImplemented',
] as const;
export type RefusalKind = (typeof refusals)[number];

/** A command's expected no. The message is what Docker's clients print. */
export interface Refusal {
  readonly refused: RefusalKind;
  readonly message: string;
}

export const refuse = (refused: RefusalKind, message: string): Refusal => ({ refused, message });

/** Facts to append, or a refusal. An empty list: nothing to do, and that is fine. */
export type Decision<F> = readonly F[] | Refusal;
export const isRefusal = (decision: Decision<unknown> | object): decision is Refusal => 'refused' in decision;
