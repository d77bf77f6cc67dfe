// daemon.ts: the facts of the daemon itself: each step of its start, its adoption of what it found, its end
import * as v from 'valibot';
import { declare, fact, integer, type FactOf } from './fact.ts';

const text = v.string();
const step = v.object({ tookMs: v.number() });
export const daemon = declare('daemon', {
  startRequested: fact(null, v.object({ pid: integer, version: text, roots: v.array(text) }), { pid: 1, version: '0.1.0', roots: ['/var/lib/tallyd'] }),
  optionsRead: fact(null, step, { tookMs: 1 }),
  rootsMade: fact(null, step, { tookMs: 1 }),
  pidFileWritten: fact(null, step, { tookMs: 1 }),
  listening: fact(null, step, { tookMs: 1 }),
  logOpened: fact(null, step, { tookMs: 1 }),
  replayed: fact(null, v.object({ tookMs: v.number(), facts: integer, checkpoint: integer }), { tookMs: 1, facts: 100, checkpoint: -1 }),
  containerdReady: fact(null, step, { tookMs: 1 }),
  systemChecked: fact(null, v.object({ tookMs: v.number(), warnings: v.array(text) }), { tookMs: 1, warnings: [] }),
  networkReady: fact(null, step, { tookMs: 1 }),
  reconciled: fact(null, step, { tookMs: 1 }),
  ready: fact(null, v.object({ tookMs: v.number() }), { tookMs: 400 }),
  startFailed: fact(null, v.object({ step: text, message: text }), { step: 'containerd', message: 'does not answer' }),
  shutdownRequested: fact(null, v.object({ signal: text }), { signal: 'SIGTERM' }),
  stopped: fact(null, step, { tookMs: 1 }),
  reloaded: fact('reload', v.object({ attributes: v.record(text, text) }), { attributes: {} }),
  /** An invariant did not hold: the entity's actor was stopped. */
  faulted: fact(null, v.object({ stream: text, message: text }), { stream: 'container-4c01', message: 'the chart has no edge' }),
  /** One stream cannot be folded: that entity is left alone, the others live. */
  quarantined: fact(null, v.object({ stream: text, message: text }), { stream: 'container-4c01', message: 'fact 7 is damaged' }),
  logRepaired: fact(null, v.object({ kind: text, message: text }), { kind: 'torn-tail', message: 'cut 17 bytes' }),
});
export type DaemonFact = FactOf<typeof daemon>;
