// chart.test.ts: the daemon's own chart
import test from 'ava';
import { createActor } from 'xstate';
import { daemon, type DaemonFact } from '../../../events/daemon.ts';
import { chart, type DaemonState } from '../../../machines/daemon/chart.ts';
import { decide, type DaemonCommand } from '../../../machines/daemon/decide.ts';
import { daemonStatus } from '../../../machines/daemon/status.ts';
import { steps } from '../../../machines/daemon/step.ts';
import { isRefusal } from '../../../machines/refusal.ts';

const at = '2026-11-25T10:00:00Z';
function life() {
  const actor = createActor(chart).start();
  const give = (command: DaemonCommand): DaemonFact[] => {
    const { value, context } = actor.getSnapshot();
    const decision = decide({ state: value as DaemonState, context }, command);
    if (isRefusal(decision)) throw new Error(decision.message);
    for (const fact of decision) {
      const event = { ...fact, at };
      if (!actor.getSnapshot().can(event)) throw new Error(`no edge for ${fact.type}`);
      actor.send(event);
    }
    return [...decision];
  };
  return { give, now: () => actor.getSnapshot() };
}
const start = { name: 'start', pid: 7, version: '1', roots: ['/a'] } as const;

test('a daemon that finishes every step is ready, and the time of each step is known', (t) => {
  const { give, now } = life();
  give({ ...start, roots: ['/a'] });
  for (const [index, step] of steps.entries()) {
    t.is(daemonStatus(now().value, now().context), `starting: ${step}`);
    give({ name: 'finishStep', step, tookMs: index, found: { warnings: ['w'] } });
  }
  t.is(now().value, 'ready');
  t.is(now().context.steps['containerd'], 6);
  t.deepEqual(now().context.warnings, ['w']);
  t.is(now().context.readyAt, at);
});

test('reads are served once the log is folded, commands when the daemon is ready', (t) => {
  const { give, now } = life();
  give({ ...start, roots: [] });
  const reading: string[] = [];
  for (const step of steps) {
    give({ name: 'finishStep', step, tookMs: 1, found: {} });
    if (now().hasTag('reading')) reading.push(step);
  }
  t.deepEqual(reading, ['replay', 'containerd', 'system', 'network', 'reconcile', 'ready']);
  t.true(now().hasTag('serving'));
});

test('a start that fails says at which step and why', (t) => {
  const { give, now } = life();
  give({ ...start, roots: [] });
  give({ name: 'finishStep', step: 'options', tookMs: 1, found: {} });
  give({ name: 'failStep', message: 'no room' });
  t.is(daemonStatus(now().value, now().context), 'failed to start: roots: no room');
});

test('a daemon that was killed is seen by its next start', (t) => {
  const { give, now } = life();
  give({ ...start, roots: [] });
  give({ ...start, roots: [] });
  t.is(now().context.crashes, 1);
  give({ name: 'shutDown', signal: 'SIGTERM' });
  give({ name: 'finishShutdown', tookMs: 3 });
  give({ ...start, roots: [] });
  t.is(now().context.crashes, 1);
});

test('a step cannot be finished before it is begun', (t) => {
  const { give } = life();
  give({ ...start, roots: [] });
  t.throws(() => give({ name: 'finishStep', step: 'log', tookMs: 1, found: {} }));
});

test('a daemon that does not run cannot be shut down', (t) => {
  t.throws(() => life().give({ name: 'shutDown', signal: 'SIGTERM' }));
});

test('every fact of the daemon is an edge of its chart, and every edge a fact', (t) => {
  t.deepEqual(chart.events.map(String).toSorted(), Object.keys(daemon.table).map((name) => `daemon.${name}`).toSorted());
});
