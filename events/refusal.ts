// refusal.ts: commands that were refused, kept in a stream of their own
import * as v from 'valibot';
import { declare, fact, type FactOf } from './fact.ts';

const text = v.string();
export const refusal = declare('refusal', {
  recorded: fact(null, v.object({ stream: text, command: text, kind: text, message: text }), {
    stream: 'container-4c01', command: 'start', kind: 'notModified', message: 'container already started',
  }),
});
export type RefusalFact = FactOf<typeof refusal>;
