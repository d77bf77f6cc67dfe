// restore.test.ts: tallyd restore --dry-run: what a restart at a position would do
import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openSqliteLog } from '../../../events/stores/sqlite.ts';
import { folder, objects, rootOf, story, tallyd } from './_cli.ts';

test('a restart in the middle of anything says what it would go on with', async (t) => {
  const told = await story();
  await told.create('a', ['sleep', 'infinity']);
  await told.say('a', { name: 'start' });
  const [created, requested, started] = ['container.createRequested', 'container.startRequested', 'container.started'].map(told.last);
  await told.say('a', { name: 'stop', signal: null, timeoutSeconds: 1 });
  const [stopping, exited] = ['container.stopRequested', 'container.exited'].map(told.last);
  await told.say('a', { name: 'remove', force: false, volumes: false });
  const [removing, removed, swept] = ['container.removeRequested', 'container.removed', 'container.swept'].map(told.last);
  const { options } = await rootOf(t, told);
  const deeds = async (at: number | undefined) =>
    objects(await tallyd(['restore', '--dry-run', '--at', String(at), '--format', 'json', ...options])).filter(({ kind }) => kind === 'container').map(({ does }) => does);
  t.deepEqual(await deeds(created), ['create']);
  t.deepEqual(await deeds(created! + 1), []);
  t.deepEqual(await deeds(requested), ['start']);
  t.deepEqual(await deeds(started), ['adopt']);
  t.deepEqual(await deeds(stopping), ['stop', 'adopt']);
  t.deepEqual(await deeds(exited), ['release']);
  t.deepEqual(await deeds(removing), ['remove']);
  t.deepEqual(await deeds(removed), ['remove']);
  t.deepEqual(await deeds(swept), []);
});

test('networks come first, then what was under way, then what starts by its policy', async (t) => {
  const told = await story();
  await told.create('a', ['true'], { RestartPolicy: { Name: 'always', MaximumRetryCount: 0 } });
  await told.say('a', { name: 'start' });
  await told.say('a', { name: 'stop', signal: null, timeoutSeconds: 1 });
  await told.create('b', ['sleep', 'infinity']);
  await told.say('b', { name: 'start' });
  const { options } = await rootOf(t, told);
  const { code, out } = await tallyd(['restore', '--dry-run', ...options]);
  t.is(code, 0);
  t.is(out, [
    `a restart at position ${told.house.facts.length - 1} would, in this order:`,
    '   1. ensure network bridge (net1): its bridge and rules are to be there',
    `   2. adopt container b (${'b'.repeat(12)}): it ran: if its process is gone, that is recorded as an unknown exit (running)`,
    `   3. start container a (${'a'.repeat(12)}): its restart policy always says so`,
    '',
  ].join('\n'));
});

test('every position of a history is one that a restart could begin from', async (t) => {
  const told = await story();
  await told.create('a', ['crash'], { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } });
  await told.say('a', { name: 'start' });
  await told.create('b', ['sleep', 'infinity']);
  await told.say('b', { name: 'start' });
  await told.say('b', { name: 'pause' });
  await told.say('b', { name: 'remove', force: true, volumes: true });
  const { options } = await rootOf(t, told);
  const count = told.house.facts.length;
  t.like(await tallyd(['restore', '--dry-run', '--every', ...options]), { code: 0, out: `a restart at any of ${count} positions keeps the law\n` });
  const each = objects(await tallyd(['restore', '--dry-run', '--every', '--format', 'json', ...options]));
  t.is(each.length, count);
  t.like(each[told.last('container.paused')], { adopt: 1 });
  t.deepEqual(each.at(-1), { position: count - 1 });
});

test('a log that was cut at any byte gets its report: what is there, and what is missing', async (t) => {
  const told = await story();
  await told.create('a', ['sleep', 'infinity']);
  await told.say('a', { name: 'start' });
  const path = join(await folder(t), 'log.db');
  const writer = await openSqliteLog(path);
  t.teardown(() => writer.close());
  for (const fact of told.house.facts) await writer.append(fact.stream, fact.revision - 1, [fact]);
  const place = mkdtempSync(join(tmpdir(), 'tallyd-cut-'));
  t.teardown(() => rmSync(place, { recursive: true, force: true }));
  const copy = join(place, 'log.db');
  const asked = [['restore', '--dry-run'], ['restore', '--dry-run', '--every'], ['verify']];
  const whole = await Promise.all(asked.map(async (words) => (await tallyd([...words, '--event-log', `sqlite:${path}`])).out));
  for (const suffix of ['', '-wal'] as const) {
    const size = readFileSync(`${path}${suffix}`).length;
    for (let index = 0; index < 6; index += 1) {
      rmSync(`${copy}-shm`, { force: true });
      for (const each of ['', '-wal', '.mark']) copyFileSync(`${path}${each}`, `${copy}${each}`);
      truncateSync(`${copy}${suffix}`, Math.floor((size * index) / 6) + (index * 37) % 4096);
      for (const [which, words] of asked.entries()) {
        const { code, out, err } = await tallyd([...words, '--event-log', `sqlite:${copy}`]);
        // What is cut off the database may all stand in its WAL: then nothing is missing.
        if (code === 0) t.is(out, whole[which]!, `${suffix} cut at ${index} sixths`);
        else t.true(code === 1 && (out + err).length > 0, `${words.join(' ')}: ${suffix} cut at ${index} sixths: ${out}${err}`);
        if (suffix === '-wal') t.is(code, 1, `cut at ${index} sixths`);
      }
    }
  }
});
