// soundness.test.ts: tallyd verify and backup: is the log what was acknowledged, and a copy of it
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { fingerprintOf } from '../../../actors/checkpointing.ts';
import { foldTo } from '../../../actors/past.ts';
import { freeze } from '../../../actors/restore.ts';
import { openSqliteLog } from '../../../events/stores/sqlite.ts';
import { folder, id, objects, rootOf, story, tallyd, written } from './_cli.ts';

const house = dirname(dirname(dirname(import.meta.dirname)));

test('a sound log is said to be sound, also one with a checkpoint', async (t) => {
  const told = await story();
  await told.create('a', ['crash'], { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 1 } });
  await told.say('a', { name: 'start' });
  const { options, path } = await rootOf(t, told);
  const count = told.house.facts.length;
  t.like(await tallyd(['verify', ...options]), { code: 0, out: `${count} facts up to position ${count - 1}: sound\n` });
  const log = await openSqliteLog(path);
  const position = count - 5;
  await log.checkpoints.save(fingerprintOf(house), { position, state: freeze(await foldTo(log, position)) });
  await log.close();
  t.deepEqual(objects(await tallyd(['verify', '--format', 'json', ...options])), [{ facts: count, head: count - 1, sound: true }]);
});

test('a checkpoint that is not the fold of the log is found', async (t) => {
  const told = await story();
  await told.create('a', ['sleep', 'infinity']);
  await told.say('a', { name: 'start' });
  const { options, path } = await rootOf(t, told);
  const log = await openSqliteLog(path);
  const position = told.last('container.started');
  const state = freeze(await foldTo(log, position - 1)).replace(/^\{"position":\d+/, `{"position":${position}`);
  await log.checkpoints.save(fingerprintOf(house), { position, state });
  await log.close();
  const { code, out } = await tallyd(['verify', ...options]);
  t.is(code, 1);
  t.regex(out, new RegExp(`^checkpoint at ${position} in container-a+: `, 'm'));
});

test('a flipped bit is found, and its exact place is told', async (t) => {
  const told = await story();
  await told.create('a', ['true', 'needle']);
  await told.say('a', { name: 'start' });
  const { options, path } = await rootOf(t, told);
  const bytes = readFileSync(path);
  const at = bytes.indexOf('needle');
  bytes.writeUInt8(bytes.readUInt8(at) ^ 4, at);
  writeFileSync(path, bytes);
  const { code, out } = await tallyd(['verify', ...options]);
  t.is(code, 1);
  t.regex(out, new RegExp(`^damaged-fact at ${told.last('container.createRequested')} in container-a+: fact ${told.last('container.createRequested')} is damaged: its checksum does not fit$`, 'm'));
});

test('facts that the charts have no edge for are found, though each is whole', async (t) => {
  const told = await story();
  await told.create('a', ['true']);
  const last = told.house.facts.at(-1)!;
  const path = join(await folder(t), 'log.db');
  await written(path, [...told.house.facts, { ...last, id: 'stray', position: last.position + 1, revision: last.revision + 1, type: 'container.unpaused' }]);
  const said = await tallyd(['verify', '--format', 'json', '--event-log', `sqlite:${path}`]);
  t.is(said.code, 1);
  t.like(objects(said)[0], { kind: 'edges', stream: `container-${id('a')}`, position: last.position + 1 });
  t.regex((await tallyd(['restore', '--dry-run', '--every', '--event-log', `sqlite:${path}`])).out, new RegExp(`^position ${last.position + 1} is the first that breaks the law \\(edges, container-a+\\): container.unpaused`));
});

test('a log is backed up while it is written, and the copy is read like any other', async (t) => {
  const told = await story();
  await told.create('a', ['true']);
  const { facts } = told.house;
  const path = join(await folder(t), 'log.db');
  await written(path, facts.slice(0, -2));
  const writer = await openSqliteLog(path);
  t.teardown(() => writer.close());
  const fact = facts.at(-2)!;
  await writer.append(fact.stream, fact.revision - 1, [fact]);
  const target = join(await folder(t), 'copies/monday.db');
  const said = await tallyd(['backup', target, '--event-log', `sqlite:${path}`]);
  t.like(said, { code: 0, out: `${facts.length - 1} facts in ${target}: read it with --event-log sqlite:${target}\n` });
  const later = facts.at(-1)!;
  await writer.append(later.stream, later.revision - 1, [later]);
  t.is((await tallyd(['log', '--event-log', `sqlite:${target}`])).lines.length, facts.length - 1);
  t.is((await tallyd(['log', '--event-log', `sqlite:${path}`])).lines.length, facts.length);
  t.like(await tallyd(['backup', target, '--event-log', `sqlite:${path}`]), { code: 1, err: `tallyd backup: ${target} exists already\n` });
});

test('the files of a log that is in use can be copied away and looked into', async (t) => {
  const told = await story();
  await told.create('a', ['true']);
  const path = join(await folder(t), 'log.db');
  const writer = await openSqliteLog(path);
  t.teardown(() => writer.close());
  for (const fact of told.house.facts) await writer.append(fact.stream, fact.revision - 1, [fact]);
  const copy = join(await folder(t), 'log.db');
  for (const suffix of ['', '-wal', '.mark']) copyFileSync(`${path}${suffix}`, `${copy}${suffix}`);
  t.is((await tallyd(['verify', '--event-log', `sqlite:${copy}`])).out, `${told.house.facts.length} facts up to position ${told.house.facts.length - 1}: sound\n`);
});
