// sqlite.test.ts: the durable log through crashes, full disks, and beside other processes
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { Unavailable } from '../../events/log.ts';
import { openSqliteLog } from '../../events/stores/sqlite.ts';
import { backupLog, verifyLog } from '../../events/stores/verify.ts';
import { lay, leftBehind } from './_damage.ts';
import { all, folder, ids, proposed, several } from './_log.ts';

const place = async (t: ExecutionContext): Promise<string> => join(await folder(t), 'log.db');

test('facts are there after the log was closed and opened again', async (t) => {
  const path = await place(t);
  const log = await openSqliteLog(path);
  const recorded = await log.append('container-a', -1, several('a', 5));
  await log.checkpoints.save('charts', { position: 4, state: '{}' });
  await log.close();
  const again = await openSqliteLog(path);
  t.teardown(() => again.close());
  t.deepEqual(await all(again), recorded);
  t.deepEqual(again.findings, []);
  t.deepEqual(await again.checkpoints.load('charts'), { position: 4, state: '{}' });
  await t.throwsAsync(again.append('container-a', -1, [proposed('b')]), { name: 'Conflict' });
  t.is((await again.append('container-a', 4, [proposed('b')]))[0]?.position, 5);
});

test('a damaged checkpoint, or one of another log, is as good as none', async (t) => {
  const path = await place(t);
  const log = await openSqliteLog(path);
  t.teardown(() => log.close());
  await log.append('container-a', -1, several('a', 5));
  await log.checkpoints.save('charts', { position: 4, state: '{"containers":["web"]}' });
  const bytes = readFileSync(`${path}.checkpoint`);
  for (let at = 0; at < bytes.length; at++) {
    const flipped = Buffer.from(bytes);
    flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << (at % 7)), at);
    writeFileSync(`${path}.checkpoint`, flipped);
    t.is(await log.checkpoints.load('charts'), null, `byte ${at}`);
  }
  const otherPath = await place(t);
  const other = await openSqliteLog(otherPath);
  t.teardown(() => other.close());
  await other.append('container-a', -1, several('a', 5));
  writeFileSync(`${otherPath}.checkpoint`, bytes);
  t.is(await other.checkpoints.load('charts'), null);
});

test('each fact that a writer was told is durable is there after it was killed', async (t) => {
  const path = await place(t);
  const told: string[] = [];
  for (let run = 0; run < 4; run++) {
    const writer = spawn(process.execPath, [join(import.meta.dirname, '_writer.ts'), path, String(run)], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.teardown(() => writer.kill('SIGKILL'));
    const ended = once(writer, 'close');
    const enough = told.length + 150 + run * 77;
    for await (const line of createInterface({ input: writer.stdout })) {
      if (line.endsWith('.')) told.push(line.slice(0, -1));
      if (told.length === enough) writer.kill('SIGKILL');
    }
    await ended;
    t.is(writer.signalCode, 'SIGKILL');
    t.true(told.length >= enough);
    const log = await openSqliteLog(path);
    const facts = await all(log);
    const there = new Set(facts.map(({ id }) => id));
    t.deepEqual(told.filter((id) => !there.has(id)), []);
    t.is(there.size, facts.length, 'no fact is there twice');
    t.true(log.findings.every(({ kind }) => kind === 'torn-tail'), JSON.stringify(log.findings));
    t.deepEqual(facts.map(({ position }) => position), facts.map((_, index) => index));
    await log.close();
  }
  t.deepEqual((await verifyLog(path)).findings, []);
});

test('a log that is in use is refused to a second writer, who is told by whom', async (t) => {
  const path = await place(t);
  const log = await openSqliteLog(path);
  await t.throwsAsync(openSqliteLog(path), { message: new RegExp(`in use by process ${process.pid}`) });
  await log.append('container-a', -1, [proposed('a0')]);
  await log.close();
  const again = await openSqliteLog(path);
  t.deepEqual(await ids(again), ['a0']);
  await again.close();
});

test('a log can be read beside the daemon that writes it', async (t) => {
  const path = await place(t);
  const log = await openSqliteLog(path);
  t.teardown(() => log.close());
  await log.append('container-a', -1, several('a', 3));
  const reader = await openSqliteLog(path, { readOnly: true });
  t.teardown(() => reader.close());
  t.deepEqual(await all(reader), await all(log));
  await log.append('container-a', 2, several('more', 2));
  t.deepEqual(await ids(reader, { stream: 'container-a', backwards: true, limit: 3 }), ['more1', 'more0', 'a2']);
  t.is(reader.head(), 4);
  await t.throwsAsync(reader.append('container-a', -1, [proposed('no')]));
  t.is(log.head(), 4);

  const seen: string[] = [];
  const stop = new AbortController();
  const following = (async () => {
    for await (const batch of reader.follow(3, stop.signal)) {
      seen.push(...batch.map(({ id }) => id));
      if (seen.length >= 4) stop.abort();
    }
  })();
  await log.append('container-b', -1, several('b', 3));
  await following;
  t.deepEqual(seen, ['more1', 'b0', 'b1', 'b2']);
});

test('a log that a killed daemon left behind is read without being touched', async (t) => {
  const { files, facts } = leftBehind(await folder(t), 20, 20);
  const path = await place(t);
  lay(path, files);
  const reader = await openSqliteLog(path, { readOnly: true });
  t.is((await all(reader)).length, facts.length);
  await reader.close();
  t.deepEqual((await verifyLog(path)).findings, []);
  for (const [suffix, bytes] of files) t.deepEqual(readFileSync(`${path}${suffix}`), bytes);
});

test('a fact that JSON cannot hold is refused alone', async (t) => {
  const log = await openSqliteLog(await place(t));
  t.teardown(() => log.close());
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  const bad = [{ data: circle }, { data: undefined }, { data: 1n }, { time: -1n }, { id: 'a"b' }, { type: 'a\nb' }];
  const [good, ...refused] = await Promise.allSettled([
    log.append('container-a', -1, [proposed('good')]),
    ...bad.map((wrong, index) => log.append(`container-${index}`, -1, [{ ...proposed('bad'), ...wrong }])),
    log.append('two\nlines', -1, [proposed('bad')]),
  ]);
  t.is(good?.status, 'fulfilled');
  t.true(refused.every((outcome) => outcome.status === 'rejected' && outcome.reason instanceof TypeError));
  t.deepEqual(await ids(log), ['good']);
});

test('a log that does not exist cannot be read', async (t) => {
  await t.throwsAsync(openSqliteLog(await place(t), { readOnly: true }));
});

test('a copy made while the log is in use is whole, and a log of its own', async (t) => {
  const path = await place(t);
  const log = await openSqliteLog(path);
  t.teardown(() => log.close());
  await log.append('container-a', -1, several('a', 300));
  const target = join(await folder(t), 'copy.db');
  const appending = (async () => {
    for (let index = 0; index < 100; index++) await log.append('container-b', index - 1, [proposed(`b${index}`)]);
  })();
  await backupLog(path, target);
  await appending;
  await t.throwsAsync(backupLog(path, target), { message: /exists/ });
  t.deepEqual((await verifyLog(target)).findings, []);
  const copy = await openSqliteLog(target);
  t.teardown(() => copy.close());
  const copied = await all(copy);
  t.true(copied.length >= 300);
  t.deepEqual(copied, (await all(log)).slice(0, copied.length));
  await copy.append('volume-a', -1, [proposed('v')]);
  t.is(log.head(), 399);
});

test('with the disk full an append is refused whole, and comes through when there is room', async (t) => {
  const disk = join(await folder(t), 'disk');
  await mkdir(disk);
  const mount = (...options: string[]): void => void execFileSync('mount', ['-t', 'tmpfs', '-o', ...options, 'tmpfs', disk], { stdio: 'pipe' });
  try {
    mount('size=3m');
  } catch (error) {
    t.log(`skipped: no file system can be mounted here: ${String(error)}`);
    return t.pass();
  }
  t.teardown(() => execFileSync('umount', ['-l', disk], { stdio: 'pipe' }));
  const path = join(disk, 'log.db');
  const log = await openSqliteLog(path);
  t.teardown(() => log.close());
  let revision = -1;
  const group = (): ReturnType<typeof proposed>[] => [proposed(`f${revision + 1}`, 9000), proposed(`f${revision + 2}`, 9000)];
  const filling = async (): Promise<unknown> => {
    for (;;) {
      await log.append('container-a', revision, group());
      revision += 2;
    }
  };
  await t.throwsAsync(filling, { instanceOf: Unavailable });
  t.true(revision > 20);
  await t.throwsAsync(log.append('container-a', revision, group()), { instanceOf: Unavailable });
  t.is(log.head(), revision);
  t.is((await all(log)).length, revision + 1);

  mount('remount,size=64m');
  await log.append('container-a', revision, group());
  t.is((await log.append('container-a', revision, group()))[0]?.position, revision + 1, 'tried again, it is recorded once');
  revision += 2;
  const facts = await ids(log);
  t.deepEqual(facts, Array.from({ length: revision + 1 }, (_, index) => `f${index}`));
  await log.close();
  const again = await openSqliteLog(path);
  t.deepEqual(await ids(again), facts);
  t.deepEqual(again.findings, []);
  await again.close();
  t.deepEqual((await verifyLog(path)).findings, []);
});
