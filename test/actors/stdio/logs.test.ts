// logs.test.ts: reading a log: parts of it, rotated and compressed files, and following it while it grows
import test from 'ava';
import { appendFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { nanoseconds } from '../../../events/time.ts';
import type { ContainerSpec } from '../../../events/spec.ts';
import type { LogQuery } from '../../../actors/world.ts';
import { all, exited, type House, newId, readAll, run, sharedHouse, shim, specWith, textOf, until } from './_streams.ts';

const house = sharedHouse();
const sequence = (from: number, to: number): string => Array.from({ length: to - from + 1 }, (_, index) => `${from + index}\n`).join('');

/** Collects what a follower gets; `ended` resolves when it ends. */
function follower(dock: House, id: string, spec: ContainerSpec, query: Partial<LogQuery> = {}) {
  const abort = new AbortController();
  const seen = { text: '' };
  const read = async (): Promise<void> => {
    const asked = { ...all, follow: true, ...query };
    for await (const lines of dock.stdio.logs(id, spec, asked, abort.signal)) seen.text += textOf(lines);
  };
  return { seen, abort: () => abort.abort(), ended: read() };
}

test('the last lines are found from the end', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith()];
  await run(t, dock, id, spec, 'seq 1 50000 >&3; printf "no line feed" >&3');
  t.is(textOf(await readAll(dock.stdio, id, spec, { tail: 3 })), '49999\n50000\nno line feed');
  t.is(textOf(await readAll(dock.stdio, id, spec, { tail: 0 })), '');
  t.is((await readAll(dock.stdio, id, spec, { tail: 30000 })).length, 30000);
  t.is((await readAll(dock.stdio, id, spec, { tail: 100000 })).length, 50001);
});

test('lines since and until a time are those whose time is in between, bounds included', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith()];
  await run(t, dock, id, spec, 'seq 1 100 >&3');
  const times = (await readAll(dock.stdio, id, spec)).map(({ time }) => nanoseconds(time)!);
  t.true(times.every((time, index) => index === 0 || time > times[index - 1]!));
  t.is(textOf(await readAll(dock.stdio, id, spec, { since: times[9]!, until: times[12]! })), sequence(10, 13));
  t.is(textOf(await readAll(dock.stdio, id, spec, { since: times[98]! })), sequence(99, 100));
  t.is(textOf(await readAll(dock.stdio, id, spec, { since: times[99]! + 1n })), '');
});

test('a log is rotated at its size, and no more files are kept than asked for', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith({}, { 'max-size': '10k', 'max-file': '3' })];
  await run(t, dock, id, spec, 'seq 1 2000 >&3');
  const path = dock.stdio.logPath(id, spec);
  const sizes = [path, `${path}.1`, `${path}.2`].map((file) => statSync(file).size);
  t.true(sizes.slice(1).every((size) => size >= 10_000 && size < 10_200), sizes.join());
  t.true(sizes[0]! < 10_200);
  t.false(existsSync(`${path}.3`));
  const lines = (await readAll(dock.stdio, id, spec)).map(({ line }) => Number(line.toString()));
  t.is(lines.at(-1), 2000);
  t.deepEqual(lines, Array.from({ length: lines.length }, (_, index) => 2001 - lines.length + index));
  t.is(textOf(await readAll(dock.stdio, id, spec, { tail: lines.length })), sequence(lines[0]!, 2000));
});

test('with one file only, a log begins anew at its size', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith({}, { 'max-size': '1k' })];
  await run(t, dock, id, spec, 'seq 1 1000 >&3');
  const path = dock.stdio.logPath(id, spec);
  t.true(statSync(path).size < 1200);
  t.deepEqual(readdirSync(dirname(path)), [`${id}-json.log`]);
  t.true(textOf(await readAll(dock.stdio, id, spec)).endsWith('\n999\n1000\n'));
});

test('rotated files are compressed, and read as if they were not', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith({}, { 'max-size': '20k', 'max-file': '5', compress: 'true' })];
  const path = dock.stdio.logPath(id, spec);
  for (let part = 0; part < 4; part += 1) {
    await run(t, dock, id, spec, `seq ${part * 250 + 1} ${part * 250 + 250} >&3`);
    await until(() => !existsSync(`${path}.1`));
  }
  t.true(existsSync(`${path}.1.gz`) && existsSync(`${path}.2.gz`));
  t.regex(gunzipSync(readFileSync(`${path}.1.gz`)).toString(), /^\{"log":/);
  t.is(textOf(await readAll(dock.stdio, id, spec)), sequence(1, 1000));
  t.is(textOf(await readAll(dock.stdio, id, spec, { tail: 700 })), sequence(301, 1000));
  t.deepEqual(readdirSync(dirname(path)).filter((name) => !/log(\.\d\.gz)?$/.test(name)), []);
});

test('a follower gets the history and then each line as it comes, and ends with the run', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith()];
  const fifos = await dock.stdio.open(id, 'web', spec);
  const child = shim(t, fifos, 'seq 1 1000 >&3; read line; seq 1001 2000 >&3; read line');
  await until(async () => (await readAll(dock.stdio, id, spec)).length === 1000);
  const whole = follower(dock, id, spec);
  const tail = follower(dock, id, spec, { tail: 5 });
  const none = follower(dock, id, spec, { tail: 0 });
  await until(() => whole.seen.text.endsWith('\n1000\n') && tail.seen.text.endsWith('\n1000\n'));
  child.stdin!.write('go on\n');
  await until(() => [whole, tail, none].every(({ seen }) => seen.text.endsWith('\n2000\n')));
  child.stdin!.write('end\n');
  await exited(child);
  await dock.stdio.drained(id);
  await Promise.all([whole.ended, tail.ended, none.ended]);
  t.is(whole.seen.text, sequence(1, 2000));
  t.is(tail.seen.text, sequence(996, 2000));
  t.true(sequence(1, 2000).endsWith(none.seen.text));
});

test('followers that come at any moment miss no line and get none twice, across rotations', async (t) => {
  const dock = await house();
  for (const compress of ['false', 'true']) {
    const [id, spec] = [newId(), specWith({}, { 'max-size': '200k', 'max-file': '1000', compress })];
    const fifos = await dock.stdio.open(id, 'web', spec);
    const child = shim(t, fifos, 'seq 1 60000 >&3');
    const followers: ReturnType<typeof follower>[] = [];
    for (let count = 0; count < 6; count += 1) {
      followers.push(follower(dock, id, spec));
      await until(() => followers[0]!.seen.text.length > count * 40_000);
    }
    await exited(child);
    await dock.stdio.drained(id);
    await Promise.all(followers.map(({ ended }) => ended));
    for (const { seen } of followers) t.true(seen.text === sequence(1, 60000));
  }
});

test('following a container that does not run ends with its history', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith()];
  await run(t, dock, id, spec, 'seq 1 10 >&3');
  const late = follower(dock, id, spec);
  await late.ended;
  t.is(late.seen.text, sequence(1, 10));
});

test('a follower ends when its client goes away, and at the time that it was to end', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith()];
  const fifos = await dock.stdio.open(id, 'web', spec);
  shim(t, fifos, 'echo hi >&3; read line');
  const leaves = follower(dock, id, spec);
  await until(() => leaves.seen.text === 'hi\n');
  leaves.abort();
  await leaves.ended;
  const ends = follower(dock, id, spec, { until: BigInt(Date.now() + 200) * 1_000_000n });
  await ends.ended;
  t.is(ends.seen.text, 'hi\n');
});

test('lines that are damaged are left out, and a torn last line spoils no other', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith()];
  await run(t, dock, id, spec, 'echo one >&3');
  const path = dock.stdio.logPath(id, spec);
  appendFileSync(path, '{"log":"torn');
  await run(t, dock, id, spec, 'echo two >&3');
  appendFileSync(path, 'nonsense\n\n{"stream":"stderr","log":"other \\u00f6rder\\n","time":"2026-01-01T00:00:00Z"}\n');
  t.is(textOf(await readAll(dock.stdio, id, spec)), 'one\ntwo\nother örder\n');
});

test('bytes that are no UTF-8 are replaced, as Docker replaces them', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith()];
  await run(t, dock, id, spec, String.raw`printf 'a\377b\303\n\342\200\250\360\237\230\200\n' >&3`);
  t.is(textOf(await readAll(dock.stdio, id, spec)), 'a\ufffdb\ufffd\n\u2028😀\n');
  t.true(readFileSync(dock.stdio.logPath(id, spec), 'utf8').includes('\\u2028'));
});

test('a log that another engine wrote can be read', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith()];
  await run(t, dock, id, spec, 'true');
  const line = '{"log":"x\\u003cy\\n","stream":"stderr","attrs":{"tag":"a\\"},b"},"time":"2026-01-01T00:00:00.5Z"}\n';
  writeFileSync(dock.stdio.logPath(id, spec), line);
  t.deepEqual(await readAll(dock.stdio, id, spec), [
    { stream: 'stderr', time: '2026-01-01T00:00:00.5Z', line: Buffer.from('x<y\n'), attributes: { tag: 'a"},b' } },
  ]);
});
