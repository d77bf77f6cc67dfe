// daemon.ts: the facts of the daemon itself: each step of its start, its adoption of what it found, its end
import Type from 'typebox';
import { declare, fact, type FactOf } from './fact.ts';

const text = Type.String();
const step = Type.Object({ tookMs: Type.Number() });
export const daemon = declare('daemon', {
  startRequested: fact(null, Type.Object({ pid: Type.Integer(), version: text, roots: Type.Array(text) }), { pid: 1, version: '0.1.0', roots: ['/var/lib/tallyd'] }),
  optionsRead: fact(null, step, { tookMs: 1 }),
  rootsMade: fact(null, step, { tookMs: 1 }),
  pidFileWritten: fact(null, step, { tookMs: 1 }),
  listening: fact(null, step, { tookMs: 1 }),
  logOpened: fact(null, step, { tookMs: 1 }),
  replayed: fact(null, Type.Object({ tookMs: Type.Number(), facts: Type.Integer(), checkpoint: Type.Integer() }), { tookMs: 1, facts: 100, checkpoint: -1 }),
  containerdReady: fact(null, step, { tookMs: 1 }),
  systemChecked: fact(null, Type.Object({ tookMs: Type.Number(), warnings: Type.Array(text) }), { tookMs: 1, warnings: [] }),
  networkReady: fact(null, step, { tookMs: 1 }),
  reconciled: fact(null, step, { tookMs: 1 }),
  ready: fact(null, Type.Object({ tookMs: Type.Number() }), { tookMs: 400 }),
  startFailed: fact(null, Type.Object({ step: text, message: text }), { step: 'containerd', message: 'does not answer' }),
  shutdownRequested: fact(null, Type.Object({ signal: text }), { signal: 'SIGTERM' }),
  stopped: fact(null, step, { tookMs: 1 }),
  reloaded: fact('reload', Type.Object({ attributes: Type.Record(text, text) }), { attributes: {} }),
  /** An invariant did not hold: the entity's actor was stopped. */
  faulted: fact(null, Type.Object({ stream: text, message: text }), { stream: 'container-4c01', message: 'the chart has no edge' }),
  /** One stream cannot be folded: that entity is left alone, the others live. */
  quarantined: fact(null, Type.Object({ stream: text, message: text }), { stream: 'container-4c01', message: 'fact 7 is damaged' }),
  logRepaired: fact(null, Type.Object({ kind: text, message: text }), { kind: 'torn-tail', message: 'cut 17 bytes' }),
});
export type DaemonFact = FactOf<typeof daemon>;
