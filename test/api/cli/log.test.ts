// log.test.ts: tallyd log: what happened, one fact a line
import { join } from 'node:path';
import test from 'ava';
import { openSqliteLog } from '../../../events/stores/sqlite.ts';
import { folder, id, objects, rootOf, story, tallyd, written } from './_cli.ts';

test('each fact is one line that says when, of what, what, who asked and what it came of', async (t) => {
  const told = await story();
  await told.create('a', ['sleep', 'infinity']);
  await told.say('a', { name: 'start' });
  const { options } = await rootOf(t, told);
  const { code, lines } = await tallyd(['log', ...options]);
  t.is(code, 0);
  t.is(lines.length, told.house.facts.length);
  const asked = lines.findIndex((line) => line.includes('container a: start requested'));
  t.regex(lines[asked]!, /^2026-01-01T00:00:\d\d\.\d{9}Z \d+ container a: start requested \[unix uid 1000 pid 77 \(Docker-Client\/28\.2\.2 \(linux\)\), start\]$/);
  t.regex(lines.find((line) => line.includes('started: pid'))!, new RegExp(`container a: started: pid \\d+ \\[tallyd, after ${asked}\\]$`));
});

test('a restart says by which policy it is, at which attempt, and after which exit', async (t) => {
  const told = await story();
  await told.create('a', ['crash', '7'], { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } });
  await told.say('a', { name: 'start' });
  const { options } = await rootOf(t, told);
  const { out } = await tallyd(['log', ...options]);
  t.regex(out, /container a: restart scheduled: attempt 1 in 100 ms by its policy on-failure, after exit code 7 /);
  t.regex(out, /container a: restarted by its policy on-failure, attempt 2, after exit code 7 \[tallyd, after \d+\]/);
});

test('facts are chosen by stream, kind, type and range, and JSON has all of each', async (t) => {
  const told = await story();
  await told.create('a', ['true']);
  await told.create('b', ['sleep', 'infinity']);
  await told.say('b', { name: 'start' });
  const { options } = await rootOf(t, told);
  const chosen = async (...words: string[]) => objects(await tallyd(['log', '--format', 'json', ...words, ...options]));
  t.deepEqual([...new Set((await chosen('--stream', `container-${id('b')}`)).map(({ stream }) => stream))], [`container-${id('b')}`]);
  t.deepEqual([...new Set((await chosen('--kind', 'network', '--kind', 'image')).map(({ type }) => String(type).split('.')[0]))].toSorted(), ['image', 'network']);
  t.deepEqual((await chosen('--type', 'created', '--kind', 'container')).map(({ stream }) => stream), [`container-${id('a')}`, `container-${id('b')}`]);
  t.deepEqual((await chosen('--type', 'container.started')).map(({ stream }) => stream), [`container-${id('b')}`]);
  t.deepEqual((await chosen('--from', '2', '--to', '4')).map(({ position }) => position), [2, 3, 4]);
  const [first] = await chosen('--type', 'container.startRequested');
  t.like(first, { stream: `container-${id('b')}`, revision: 2, data: { why: 'asked' }, cause: { command: 'start', causation: null, correlationId: 'request-1' } });
  t.deepEqual((await chosen('--from', String(first!['time']))).map(({ position }) => position)[0], first!['position']);
  t.deepEqual((await chosen('--to', String(first!['time']))).at(-1), first);
});

test('a container is found by each name that it had, and with it what it was refused', async (t) => {
  const told = await story();
  await told.create('a', ['sleep', 'infinity']);
  await told.create('b', ['true']);
  await told.say('a', { name: 'rename', to: 'web' });
  await told.say('a', { name: 'pause' });
  await told.say('a', { name: 'remove', force: true, volumes: false });
  const { options } = await rootOf(t, told);
  const lines = async (name: string) => (await tallyd(['log', '--container', name, ...options])).lines;
  const found = await lines('a');
  t.deepEqual(await lines('web'), found);
  t.deepEqual(await lines(id('a').slice(0, 8)), found);
  t.true(found.some((line) => line.includes('container web: refused to pause (conflict): ')));
  t.true(found.at(-1)!.includes('container web: swept'));
  t.false(found.some((line) => line.includes('container b')));
  t.like(await tallyd(['log', '--container', 'nobody', ...options]), { code: 1, out: '', err: 'tallyd log: no container was ever called nobody\n' });
});

test('a line from the middle of the log still has the name of its container', async (t) => {
  const told = await story();
  await told.create('a', ['sleep', 'infinity']);
  await told.say('a', { name: 'rename', to: 'web' });
  await told.say('a', { name: 'start' });
  const { options } = await rootOf(t, told);
  const { lines } = await tallyd(['log', '--from', String(told.last('container.started')), ...options]);
  t.regex(lines[0]!, /container web: started/);
});

test('a log is followed while a daemon writes it, until somebody ends that', async (t) => {
  const told = await story();
  await told.create('a', ['true']);
  const { facts } = told.house;
  const path = join(await folder(t), 'log.db');
  await written(path, facts.slice(0, -1));
  const end = new AbortController();
  const caughtUp = Promise.withResolvers<void>();
  const following = tallyd(['log', '--follow', '--format', 'json', '--event-log', `sqlite:${path}`], end.signal, (out) => {
    if (out.includes(`"position":${facts.length - 2},`)) caughtUp.resolve();
    if (out.includes(`"position":${facts.length - 1},`)) end.abort();
  });
  await caughtUp.promise;
  await written(path, facts.slice(-1));
  const said = await following;
  t.is(said.code, 0);
  t.deepEqual(objects(said).map(({ position }) => position), facts.map(({ position }) => position));
});

test('a history is moved to another store, fact by fact', async (t) => {
  const told = await story();
  await told.create('a', ['true']);
  await told.say('a', { name: 'start' });
  const { path } = await rootOf(t, told);
  const target = join(await folder(t), 'new/log.db');
  t.like(await tallyd(['log', 'copy', `sqlite:${path}`, `sqlite:${target}`]), { code: 0, out: `${told.house.facts.length} facts copied to sqlite:${target}, and compared\n` });
  const copy = await openSqliteLog(target, { readOnly: true });
  t.teardown(() => copy.close());
  const facts = [];
  for await (const batch of copy.read()) facts.push(...batch);
  t.deepEqual(facts, told.house.facts);
  t.like(await tallyd(['log', 'copy', path, target]), { code: 1, err: `tallyd log: there are facts in ${target} already\n` });
});

test('words that make no sense are told with the usage', async (t) => {
  for (const words of [['log', '--bogus'], ['log', 'web'], ['log', '--format', 'xml'], ['log', '--follow', '--to', '3'], ['log', '--from', 'yesterdayish'], ['log', '--data-root', '/a', '--event-log', 'sqlite:/b'], ['why'], ['diff'], ['replay'], ['restore', '--at', '3']]) {
    const { code, err } = await tallyd(words);
    t.is(code, 125, words.join(' '));
    t.true(err.length > 10, words.join(' '));
  }
  const missing = join(await folder(t), 'log.db');
  t.like(await tallyd(['log', '--event-log', `sqlite:${missing}`]), { code: 1, err: `tallyd log: there is no log at ${missing}\n` });
});
