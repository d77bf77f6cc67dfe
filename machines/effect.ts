// effect.ts: the place that a chart leaves open for an effect: it is named here and made by actors/effects
import { fromCallback } from 'xstate';

/** An effect is given the chart's context as its input; its outcome comes back as a fact, through a turn. */
export const gap = <Context>() => fromCallback<{ type: string }, Context>(() => undefined);
