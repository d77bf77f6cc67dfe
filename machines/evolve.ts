// evolve.ts: a context's changes as a table by fact: the one action that every edge of every chart has
import type { Fact, Moved } from '../events/fact.ts';

export type Changes<F extends Fact, Context> = {
  readonly [Type in F['type']]?: (context: Context, event: Extract<Moved<F>, { type: Type }>) => Partial<Context>;
};

/** The part of a context that a fact replaces; a fact without a row changes nothing but, perhaps, the state. */
export const evolver =
  <F extends Fact, Context>(changes: Changes<F, Context>) =>
  (context: Context, event: Moved<F>): Partial<Context> => {
    const change = changes[event.type as F['type']] as ((context: Context, event: Moved<F>) => Partial<Context>) | undefined;
    return change ? change(context, event) : {};
  };
