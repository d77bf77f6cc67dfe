// log.features.ts: what every store of the log promises
import { setImmediate as turn } from 'node:timers/promises';
import type { ExecutionContext, TestFn } from 'ava';
import type { Recorded } from '../../events/fact.ts';
import { absent, Conflict, type Log } from '../../events/log.ts';
import { all, ids, proposed, several } from './_log.ts';

export type OpenStore = (t: ExecutionContext) => Promise<Log>;

/** `name` goes before each title. */
export function logFeatures(test: TestFn, name: string, open: OpenStore): void {
  const feature = (title: string, body: (t: ExecutionContext, log: Log) => Promise<void>): void => {
    test(`${name}: ${title}`, async (t) => {
      const log = await open(t);
      try {
        await body(t, log);
      } finally {
        await log.close();
      }
    });
  };

  feature('an empty log has no head and gives nothing', async (t, log) => {
    t.is(log.head(), -1);
    t.deepEqual(await all(log), []);
    t.deepEqual(await all(log, { stream: 'container-a' }), []);
    t.deepEqual(log.findings, []);
  });

  feature('what was appended is read back as it was', async (t, log) => {
    const given = { ...proposed('f1'), data: { text: 'a "quoted"\nline, ünïcode 🐳', list: [1, 2.5, null], deep: { yes: true } } };
    const recorded = await log.append('container-a', absent, [given]);
    t.deepEqual(recorded, [{ ...given, position: 0, stream: 'container-a', revision: 0 }]);
    t.deepEqual(await all(log), recorded);
    t.is(log.head(), 0);
  });

  feature('positions run through all streams, revisions through each', async (t, log) => {
    await log.append('container-a', absent, several('a', 2));
    await log.append('container-b', absent, several('b', 1));
    await log.append('container-a', 1, [proposed('a2')]);
    t.deepEqual((await all(log)).map(({ position, stream, revision, id }) => [position, stream, revision, id]), [
      [0, 'container-a', 0, 'a0'], [1, 'container-a', 1, 'a1'], [2, 'container-b', 0, 'b0'], [3, 'container-a', 2, 'a2'],
    ]);
  });

  feature('an append that expects another revision conflicts, and says which it is', async (t, log) => {
    await log.append('container-a', absent, several('a', 2));
    for (const expected of [absent, 0, 2]) {
      const conflict = await t.throwsAsync(log.append('container-a', expected, [proposed('late')]), { instanceOf: Conflict });
      t.is(conflict?.actual, 1);
      t.is(conflict?.expected, expected);
    }
    await t.throwsAsync(log.append('container-b', 0, [proposed('early')]), { instanceOf: Conflict });
    t.deepEqual(await ids(log), ['a0', 'a1']);
  });

  feature('of many appends that expect the same revision one succeeds', async (t, log) => {
    const tries = await Promise.allSettled(Array.from({ length: 20 }, (_, index) => log.append('container-a', absent, [proposed(`try${index}`)])));
    t.is(tries.filter(({ status }) => status === 'fulfilled').length, 1);
    t.true(tries.every((outcome) => outcome.status === 'fulfilled' || outcome.reason instanceof Conflict));
    t.is((await all(log)).length, 1);
  });

  feature('an append tried again with the same ids is recorded once', async (t, log) => {
    const first = await log.append('container-a', absent, several('a', 3));
    t.deepEqual(await log.append('container-a', absent, several('a', 3)), first);
    await log.append('container-a', 2, [proposed('a3')]);
    t.deepEqual(await log.append('container-a', absent, several('a', 3)), first);
    await t.throwsAsync(log.append('container-a', 0, several('a', 2)), { instanceOf: Conflict });
    t.is((await all(log)).length, 4);
  });

  feature('appends made one after the other without waiting are kept in that order', async (t, log) => {
    const made = await Promise.all(Array.from({ length: 50 }, (_, index) => log.append('container-a', index - 1, [proposed(`a${index}`)])));
    t.deepEqual(made.map(([fact]) => fact?.position), Array.from({ length: 50 }, (_, index) => index));
    t.deepEqual(await ids(log, { stream: 'container-a' }), Array.from({ length: 50 }, (_, index) => `a${index}`));
  });

  feature('an append of nothing changes nothing', async (t, log) => {
    t.deepEqual(await log.append('container-a', absent, []), []);
    t.is(log.head(), -1);
    await log.append('container-a', absent, [proposed('a0')]);
    t.is(log.head(), 0);
  });

  feature('a range is read from either end, by position and by stream', async (t, log) => {
    for (let index = 0; index < 10; index++) await log.append(`container-${index % 2}`, (index >> 1) - 1, [proposed(`f${index}`)]);
    t.deepEqual(await ids(log, { from: 3, to: 5 }), ['f3', 'f4', 'f5']);
    t.deepEqual(await ids(log, { from: 8 }), ['f8', 'f9']);
    t.deepEqual(await ids(log, { limit: 2 }), ['f0', 'f1']);
    t.deepEqual(await ids(log, { backwards: true, limit: 2 }), ['f9', 'f8']);
    t.deepEqual(await ids(log, { backwards: true, from: 2, to: 4 }), ['f4', 'f3', 'f2']);
    t.deepEqual(await ids(log, { stream: 'container-1' }), ['f1', 'f3', 'f5', 'f7', 'f9']);
    t.deepEqual(await ids(log, { stream: 'container-1', from: 2, to: 7 }), ['f3', 'f5', 'f7']);
    t.deepEqual(await ids(log, { stream: 'container-1', backwards: true, limit: 2 }), ['f9', 'f7']);
    t.deepEqual(await ids(log, { stream: 'container-1', backwards: true, from: 3, to: 8 }), ['f7', 'f5', 'f3']);
    t.deepEqual(await ids(log, { from: 10 }), []);
    t.deepEqual(await ids(log, { stream: 'container-9' }), []);
    t.deepEqual(await ids(log, { limit: 0 }), []);
  });

  feature('long histories and long streams are read whole, in batches', async (t, log) => {
    await log.append('container-a', absent, several('a', 1200));
    await log.append('container-b', absent, several('b', 1300));
    const sizes: number[] = [];
    const seen: number[] = [];
    for await (const batch of log.read()) {
      sizes.push(batch.length);
      seen.push(...batch.map(({ position }) => position));
    }
    t.true(sizes.length > 1);
    t.deepEqual(seen, Array.from({ length: 2500 }, (_, index) => index));
    t.is((await all(log, { stream: 'container-b' })).length, 1300);
    t.deepEqual((await all(log, { stream: 'container-b', backwards: true })).map(({ revision }) => revision), Array.from({ length: 1300 }, (_, index) => 1299 - index));
  });

  feature('a read gives what is recorded at its call', async (t, log) => {
    await log.append('container-a', absent, several('a', 3));
    const read = log.read();
    await log.append('container-a', 2, [proposed('later')]);
    const seen: string[] = [];
    for await (const batch of read) seen.push(...batch.map(({ id }) => id));
    t.deepEqual(seen, ['a0', 'a1', 'a2']);
  });

  feature('a follower sees history and then what happens, each fact once', async (t, log) => {
    await log.append('container-a', absent, several('a', 700));
    const [early, late] = await Promise.all([
      collect(log, -1, 1400),
      collect(log, 650, 749),
      (async () => {
        for (let index = 700; index < 1400; index += 7) {
          await log.append('container-a', index - 1, several(`more${index}-`, 7));
          if (index % 49 === 0) await turn();
        }
      })(),
    ]);
    t.deepEqual(early.map(({ position }) => position), Array.from({ length: 1400 }, (_, index) => index));
    t.deepEqual(late.map(({ position }) => position), Array.from({ length: 749 }, (_, index) => 651 + index));
    t.deepEqual(early, await all(log));
  });

  feature('a slow follower holds nobody up and misses nothing', async (t, log) => {
    const stop = new AbortController();
    const slow = log.follow(-1, stop.signal)[Symbol.asyncIterator]();
    await log.append('container-a', absent, [proposed('first')]);
    const seen = [...((await slow.next()).value as Recorded[])];
    for (let index = 0; index < 60; index++) await log.append('container-b', index * 100 - 1, several(`b${index}-`, 100));
    while (seen.length < 6001) seen.push(...((await slow.next()).value as Recorded[]));
    t.deepEqual(seen.map(({ position }) => position), Array.from({ length: 6001 }, (_, index) => index));
    stop.abort();
    t.true((await slow.next()).done);
  });

  feature('a follower that waits ends when it is told to, or with the log', async (t, log) => {
    const stop = new AbortController();
    const told = collect(log, -1, 1, stop.signal);
    const untold = collect(log, -1, 1);
    stop.abort();
    t.deepEqual(await told, []);
    await log.close();
    t.deepEqual(await untold, []);
  });

  feature('the newest checkpoint of the same charts is given back', async (t, log) => {
    t.is(await log.checkpoints.load('charts-1'), null);
    await log.append('container-a', absent, several('a', 5));
    await log.checkpoints.save('charts-1', { position: 2, state: '{"at":2}' });
    await log.checkpoints.save('charts-1', { position: 4, state: '{"at":4,"name":"ünï"}' });
    t.deepEqual(await log.checkpoints.load('charts-1'), { position: 4, state: '{"at":4,"name":"ünï"}' });
    t.is(await log.checkpoints.load('charts-2'), null);
  });

  feature('a closed log takes no more facts', async (t, log) => {
    await log.append('container-a', absent, [proposed('a0')]);
    await log.close();
    await t.throwsAsync(log.append('container-a', 0, [proposed('a1')]), { name: 'Unavailable' });
    await log.close();
  });
}

async function collect(log: Log, after: number, count: number, signal?: AbortSignal): Promise<Recorded[]> {
  const stop = new AbortController();
  const facts: Recorded[] = [];
  for await (const batch of log.follow(after, signal ?? stop.signal)) {
    facts.push(...batch);
    if (facts.length >= count) stop.abort();
    if (facts.length >= count) break;
  }
  return facts;
}
