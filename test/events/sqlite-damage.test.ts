// sqlite-damage.test.ts: a damaged log says so, serves what is whole and overwrites nothing
import { accessSync, constants, existsSync, mkdtempSync, rmSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { lineOf, type Kept } from '../../events/checksum.ts';
import { openSqliteLog } from '../../events/stores/sqlite.ts';
import { verifyLog } from '../../events/stores/verify.ts';
import { complaint, lay, leftBehind, live, type Files } from './_damage.ts';
import { all, folder, proposed, several } from './_log.ts';

/** In memory where there is such a place: hundreds of openings would wait for the disk otherwise. */
function room(t: ExecutionContext): string {
  const path = mkdtempSync(join(memoryFolder(), 'tallyd-damage-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
function memoryFolder(): string {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return '/dev/shm';
  } catch {
    return tmpdir();
  }
}

const changed = (files: Files, suffix: string, change: (bytes: Buffer) => Buffer): Files =>
  new Map([...files].map(([name, bytes]) => [name, name === suffix ? change(Buffer.from(bytes)) : bytes]));
const without = (files: Files, suffix: string): Files => new Map([...files].filter(([name]) => name !== suffix));

const flip = (at: number) => (bytes: Buffer): Buffer => {
  bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << (at % 8)), at);
  return bytes;
};

for (const [suffix, called, stride] of [['', 'the database', 1021], ['-wal', 'its WAL', 4999], ['.mark', 'the mark', 31]] as const) {
  test(`a bit flipped anywhere in ${called} changes no fact unnoticed`, (t) => {
    const path = join(room(t), 'log.db');
    const { files, facts } = leftBehind(room(t), 40, 20);
    const size = files.get(suffix)?.length ?? 0;
    const header = Array.from({ length: 12 }, (_, index) => index * 8 + 3);
    for (const at of [...header, ...Array.from({ length: Math.floor(size / stride) }, (_, index) => index * stride + 100)].filter((place) => place < size)) {
      lay(path, changed(files, suffix, flip(at)));
      t.is(complaint(path, facts), null, `byte ${at}`);
    }
  });
}

test('a log cut short at any byte of its WAL says which facts are missing', (t) => {
  const path = join(room(t), 'log.db');
  const { files, facts } = leftBehind(room(t), 20, 12);
  const size = files.get('-wal')?.length ?? 0;
  for (let length = 0; length < size; length += 1709) {
    lay(path, changed(files, '-wal', (bytes) => bytes.subarray(0, length)));
    t.is(complaint(path, facts), null, `cut at ${length}`);
    lay(path, changed(files, '-wal', (bytes) => bytes.subarray(0, length)));
    const { rows, findings } = live(path, []);
    const missing = findings.find(({ kind }) => kind === 'missing-facts');
    if (rows.length < facts.length) t.true(missing !== undefined && missing.position !== null && missing.position >= 20);
  }
});

test('a commit that was cut short before anyone was told of it is dropped, and said to be', (t) => {
  const path = join(room(t), 'log.db');
  const before = leftBehind(room(t), 20, 8);
  const after = leftBehind(room(t), 20, 9);
  const whole = after.files.get('-wal')?.length ?? 0;
  const start = before.files.get('-wal')?.length ?? 0;
  const mark = before.files.get('.mark') as Buffer;
  t.true(start < whole);
  for (let length = start + 1; length < whole; length += 311) {
    const torn = changed(changed(after.files, '-wal', (bytes) => bytes.subarray(0, length)), '.mark', () => mark);
    lay(path, torn);
    const { rows, findings, appended } = live(path, []);
    t.is(rows.length, 28, `cut at ${length}`);
    t.deepEqual(findings.map(({ kind }) => kind), ['torn-tail'], `cut at ${length}`);
    t.is(appended.position, 28);
  }
});

test('a log whose WAL is gone tells which facts went with it, and goes on after them', (t) => {
  const path = join(room(t), 'log.db');
  const { files, facts } = leftBehind(room(t), 40, 20);
  lay(path, without(files, '-wal'));
  const first = live(path, []);
  t.is(first.rows.length, 40);
  t.true(first.findings.some(({ kind, position }) => kind === 'missing-facts' && position === 40));
  t.is(first.appended.position, facts.length);
  const again = live(path, []);
  t.is(again.rows.length, 41);
  t.true(again.findings.some(({ kind, position }) => kind === 'missing-facts' && position === 40), 'it is told at every opening');
});

test('a database that is gone, emptied or overwritten is told, and kept as it was found', (t) => {
  for (const ruin of [() => Buffer.alloc(0), () => Buffer.from('this is no database at all'), (bytes: Buffer) => bytes.fill(0)]) {
    const path = join(room(t), 'log.db');
    const { files, facts } = leftBehind(room(t), 40, 20);
    const ruined = changed(files, '', ruin);
    lay(path, ruined);
    t.is(complaint(path, facts), null);
    t.deepEqual(readFileSync(`${path}.damaged-1`), ruined.get(''));
    lay(path, without(files, ''));
    t.is(complaint(path, facts), null);
  }
});

test('a database whose header is destroyed loses no fact', (t) => {
  const path = join(room(t), 'log.db');
  const { files, facts } = leftBehind(room(t), 40, 0);
  lay(path, changed(files, '', (bytes) => bytes.fill(0xff, 0, 4096)));
  const { rows, findings } = live(path, []);
  t.is(rows.length, facts.length);
  t.deepEqual(findings.map(({ kind }) => kind), ['damaged-file']);
});

test('a destroyed page costs its own facts, whose streams are told', (t) => {
  const { files, facts } = leftBehind(room(t), 120, 0);
  const pages = (files.get('')?.length ?? 0) / 4096;
  for (let page = 1; page < pages; page++) {
    const path = join(room(t), 'log.db');
    lay(path, changed(files, '', (bytes) => bytes.fill(0, page * 4096, (page + 1) * 4096)));
    t.is(complaint(path, facts), null, `page ${page}`);
    const { rows, findings } = live(path, []);
    const read = new Set(rows.map((row) => row[0]));
    const gone = facts.filter(({ position }) => !read.has(position));
    t.true(gone.length < 60, `page ${page}`);
    for (const { stream } of gone) t.true(findings.some((finding) => finding.stream === stream), `page ${page}: ${stream}`);
  }
});

test('a rescue that a crash cut short is finished at the next start', (t) => {
  const path = join(room(t), 'log.db');
  const { files, facts } = leftBehind(room(t), 40, 20);
  lay(path, without(files, '-wal'));
  live(path, []);
  const rescued = readFileSync(path);
  // As it is between the two steps: the new database is complete, the old one and its WAL still stand.
  lay(path, changed(files, '', flip(5000)));
  writeFileSync(`${path}.rescued`, rescued);
  const { rows } = live(path, []);
  t.is(rows.length, 41);
  t.true(rows.every((row) => row[0] >= facts.length || row[3] === lineOf(facts[row[0]] as Kept)));
  t.false(existsSync(`${path}.rescued`));
});

test('a log whose making a kill cut short is made at the next start', (t) => {
  const { files } = leftBehind(room(t), 0, 0);
  const database = files.get('') as Buffer;
  const mark = files.get('.mark') as Buffer;
  const states: [string, Buffer][][] = [
    [['.lock', Buffer.alloc(0)]],
    [['.lock', Buffer.from('no lock at all, but bytes enough to be read as a header of some database'.repeat(9))]],
    [['.mark', Buffer.alloc(0)]],
    [['.mark', mark]],
    [['.mark', mark], ['.rescue', database.subarray(0, 5000)]],
    [['.mark', mark], ['.rescued', database]],
    [['.mark', mark], ['', database]],
  ];
  for (const [index, state] of states.entries()) {
    const path = join(room(t), 'log.db');
    lay(path, new Map(state));
    const { rows, findings, appended } = live(path, []);
    t.deepEqual([rows.length, findings, appended.position], [0, [], 0], `state ${index}`);
  }
});

test('a mark that is gone is told and made anew', async (t) => {
  const path = join(await folder(t), 'log.db');
  const log = await openSqliteLog(path);
  await log.append('container-a', -1, several('a', 3));
  await log.close();
  rmSync(`${path}.mark`);
  const again = await openSqliteLog(path);
  t.deepEqual(again.findings.map(({ kind }) => kind), ['damaged-mark']);
  t.is((await all(again)).length, 3);
  await again.close();
  const third = await openSqliteLog(path);
  t.deepEqual(third.findings, []);
  await third.close();
});

test('a fact damaged long ago is left out when it is read, with its place and its stream', async (t) => {
  const path = join(await folder(t), 'log.db');
  const log = await openSqliteLog(path);
  await log.append('container-a', -1, several('a', 40));
  await log.append('container-b', -1, [proposed('needle')]);
  await log.append('container-a', 39, several('more', 1500));
  await log.close();
  const bytes = readFileSync(path);
  const at = bytes.indexOf('SIGneedle');
  writeFileSync(path, flip(at + 5)(bytes));

  const again = await openSqliteLog(path);
  t.teardown(() => again.close());
  t.deepEqual(again.findings, []);
  const facts = await all(again);
  t.is(facts.length, 1540);
  t.false(facts.some(({ position }) => position === 40));
  t.like(again.findings[0], { kind: 'damaged-fact', stream: 'container-b', position: 40 });
  t.is(again.findings.length, 1);
  t.is((await all(again, { stream: 'container-a' })).length, 1540);
  t.deepEqual(await all(again, { stream: 'container-b' }), []);
  await all(again, { backwards: true });
  t.is(again.findings.length, 1, 'the same damage is told once');

  const { facts: whole, findings } = await verifyLog(path);
  t.is(whole, 1540);
  t.true(findings.some(({ kind, position }) => kind === 'damaged-fact' && position === 40));
});

test('a sound log is found sound, while it is in use and after', async (t) => {
  const path = join(await folder(t), 'log.db');
  const log = await openSqliteLog(path);
  for (let index = 0; index < 20; index++) await log.append(`container-${index}`, -1, several(`${index}-`, 30));
  t.deepEqual(await verifyLog(path), { facts: 600, head: 599, findings: [] });
  await log.close();
  t.deepEqual(await verifyLog(path), { facts: 600, head: 599, findings: [] });
});

test('a fact that does not fit its schema is found', async (t) => {
  const path = join(await folder(t), 'log.db');
  const log = await openSqliteLog(path);
  await log.append('container-a', -1, [{ ...proposed('a0'), data: { signal: 7 } }, { ...proposed('a1'), type: 'container.sang' }]);
  await log.close();
  const { findings } = await verifyLog(path);
  t.deepEqual(findings.map(({ position, stream }) => [position, stream]), [[0, 'container-a'], [1, 'container-a']]);
});
