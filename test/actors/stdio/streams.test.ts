// streams.test.ts: what a container writes reaches its log and those who are attached; what they write reaches it
import test from 'ava';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { bytesOf, exited, fileLines, newId, readAll, run, sharedHouse, shim, specWith, textOf, unframed, until } from './_streams.ts';

const house = sharedHouse();
const everything = { stdin: true, stdout: true, stderr: true };

test('a line of the log has the text, the stream and the time, as Docker writes them', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith()];
  await run(t, dock, id, spec, String.raw`printf 'hi "there" \\ <&>\tö\n' >&3`);
  const path = dock.stdio.logPath(id, spec);
  t.true(path.endsWith(`/containers/${id}/${id}-json.log`));
  t.is(statSync(path).mode & 0o777, 0o640);
  const text = readFileSync(path, 'utf8');
  t.regex(text, /^\{"log":"hi \\"there\\" \\\\ \\u003c\\u0026\\u003e\\u0009ö\\n","stream":"stdout","time":"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z"\}\n$/);
  t.is(textOf(await readAll(dock.stdio, id, spec)), 'hi "there" \\ <&>\tö\n');
});

test('both streams are told apart', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith()];
  await run(t, dock, id, spec, 'echo out >&3; echo err >&4; echo out again >&3');
  t.is(textOf(await readAll(dock.stdio, id, spec, { stderr: false })), 'out\nout again\n');
  t.is(textOf(await readAll(dock.stdio, id, spec, { stdout: false })), 'err\n');
});

test('a last line without a line feed is logged at the end of the run', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith()];
  await run(t, dock, id, spec, 'printf "whole\\npart" >&3');
  t.deepEqual(fileLines(dock.stdio.logPath(id, spec)).map(({ log }) => log), ['whole\n', 'part']);
});

test('a line longer than 16 KiB is cut into parts of that size and reads as one', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith()];
  await run(t, dock, id, spec, 'head -c 40000 /dev/zero | tr "\\0" x >&3; echo >&3; echo short >&3');
  const lines = fileLines(dock.stdio.logPath(id, spec));
  t.deepEqual(lines.map(({ log }) => log.length), [16384, 16384, 7233, 6]);
  t.is(new Set(lines.slice(0, 3).map(({ time }) => time)).size, 1);
  t.is(textOf(await readAll(dock.stdio, id, spec)), `${'x'.repeat(40000)}\nshort\n`);
});

test('labels, environment and a tag stand beside each line when the options ask for them', async (t) => {
  const dock = await house();
  const spec = specWith(
    { Labels: { team: 'a', other: 'b', 'app.x': 'c' }, Env: ['MODE=fast', 'PATH=/bin'], Image: 'busybox' },
    { labels: 'team', 'labels-regex': '^app', env: 'MODE,NONE', tag: '{{.Name}}/{{.ID}}/{{.ImageName}}' },
  );
  const id = newId();
  await run(t, dock, id, spec, 'echo hi >&3');
  const [line] = await readAll(dock.stdio, id, spec);
  const attributes = { team: 'a', 'app.x': 'c', MODE: 'fast', tag: `web/${id.slice(0, 12)}/busybox` };
  t.deepEqual(line!.attributes, attributes);
  t.deepEqual(fileLines(dock.stdio.logPath(id, spec))[0]!.attrs, attributes);
});

test('who is attached gets what both streams carry, in frames', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith()];
  const first = bytesOf(await dock.stdio.attach(id, everything));
  const fifos = await dock.stdio.open(id, 'web', spec);
  const second = bytesOf(await dock.stdio.attach(id, { stdin: false, stdout: false, stderr: true }));
  await exited(shim(t, fifos, 'echo out >&3; echo err >&4'));
  await dock.stdio.drained(id);
  t.deepEqual(unframed(await first), { stdout: 'out\n', stderr: 'err\n' });
  t.deepEqual(unframed(await second), { stdout: '', stderr: 'err\n' });
});

test('who is attached to a terminal gets its bytes as they are', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith({ Tty: true })];
  const client = bytesOf(await dock.stdio.attach(id, everything));
  const fifos = await dock.stdio.open(id, 'web', spec);
  t.is(fifos.stderr, '');
  await exited(shim(t, fifos, "printf '\\033[1mhi\\r\\n' >&3"));
  await dock.stdio.drained(id);
  t.is((await client).toString(), '\u001b[1mhi\r\n');
  t.is(textOf(await readAll(dock.stdio, id, spec)), '\u001b[1mhi\r\n');
});

test('a run that ended without a word is drained at once', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith()];
  await dock.stdio.open(id, 'web', spec);
  await dock.stdio.drained(id);
  await dock.stdio.drained(id);
  t.deepEqual(await readAll(dock.stdio, id, spec), []);
});

test('the log goes on when the container is started again', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith()];
  for (const word of ['one', 'two', 'three']) await run(t, dock, id, spec, `echo ${word} >&3`);
  t.is(textOf(await readAll(dock.stdio, id, spec)), 'one\ntwo\nthree\n');
});

test('opening again while the run goes on loses nothing and doubles nothing', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith()];
  const fifos = await dock.stdio.open(id, 'web', spec);
  const client = bytesOf(await dock.stdio.attach(id, everything));
  const child = shim(t, fifos, 'seq 1 200000 >&3');
  for (let times = 0; times < 5; times += 1) await dock.stdio.open(id, 'web', spec);
  await exited(child);
  await dock.stdio.drained(id);
  const expected = `${Array.from({ length: 200000 }, (_, index) => index + 1).join('\n')}\n`;
  t.is(textOf(await readAll(dock.stdio, id, spec)), expected);
  t.is(unframed(await client).stdout, expected);
});

test('the driver none keeps nothing, and its log cannot be read', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith({}, {}, 'none')];
  const client = bytesOf(await dock.stdio.attach(id, everything));
  await run(t, dock, id, spec, 'echo hi >&3');
  t.is(unframed(await client).stdout, 'hi\n');
  t.is(dock.stdio.logPath(id, spec), '');
  await t.throwsAsync(readAll(dock.stdio, id, spec), { message: 'configured logging driver does not support reading' });
});

test('the driver local can be read, and says no path', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith({}, {}, 'local')];
  await run(t, dock, id, spec, 'echo hi >&3');
  t.is(dock.stdio.logPath(id, spec), '');
  t.is(textOf(await readAll(dock.stdio, id, spec)), 'hi\n');
});

test('nothing of the log and the FIFOs is left after a removal', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith({}, { 'max-size': '10', 'max-file': '3' })];
  const fifos = await dock.stdio.open(id, 'web', spec);
  await exited(shim(t, fifos, 'seq 1 5 >&3'));
  await dock.stdio.drained(id);
  const path = dock.stdio.logPath(id, spec);
  t.true(existsSync(`${path}.1`));
  await dock.stdio.remove(id);
  await dock.stdio.remove(id);
  t.deepEqual([path, `${path}.1`, `${path}.2`, fifos.stdout].filter((file) => existsSync(file)), []);
});

test('who is attached to a container that is removed hears its last word and the end', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith()];
  const during = bytesOf(await dock.stdio.attach(id, everything));
  const fifos = await dock.stdio.open(id, 'web', spec);
  // The pipe has a writer still: nothing but the removal tells the end.
  const writer = shim(t, fifos, 'echo out >&3; echo written; exec sleep 100000');
  await once(writer.stdout!, 'data');
  await dock.stdio.remove(id);
  t.deepEqual(unframed(await during), { stdout: 'out\n', stderr: '' });
  const without = bytesOf(await dock.stdio.attach(id, everything));
  await dock.stdio.remove(id);
  t.is((await without).length, 0);
});

test('the first client of `docker run -i` that ends its input ends the container’s', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith({ OpenStdin: true, StdinOnce: true })];
  let started = false;
  dock.hasTask = (of) => of !== id || started;
  const client = await dock.stdio.attach(id, everything);
  const output = bytesOf(client);
  client.end('early words\n');
  const fifos = await dock.stdio.open(id, 'web', spec);
  const cat = shim(t, fifos, `exec 5<'${fifos.stdin}'; echo ready; cat <&5 >&3`);
  await once(cat.stdout!, 'data');
  started = true;
  await exited(cat);
  await dock.stdio.drained(id);
  t.true(dock.closedInputs.includes(id));
  t.is(unframed(await output).stdout, 'early words\n');
});

test('input goes on when a client leaves a container whose input stays open', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith({ OpenStdin: true })];
  const fifos = await dock.stdio.open(id, 'web', spec);
  const cat = shim(t, fifos, `cat <'${fifos.stdin}' >&3`);
  for (const word of ['one', 'two']) {
    const client = await dock.stdio.attach(id, everything);
    const output = bytesOf(client);
    client.write(`${word}\n`);
    await until(async () => textOf(await readAll(dock.stdio, id, spec)).includes(word));
    client.end();
    t.is(unframed(await output).stdout, `${word}\n`);
  }
  t.false(dock.closedInputs.includes(id));
  t.is(cat.exitCode, null);
});

test('much input arrives whole', async (t) => {
  const dock = await house();
  const [id, spec] = [newId(), specWith({ OpenStdin: true, StdinOnce: true })];
  const fifos = await dock.stdio.open(id, 'web', spec);
  const count = shim(t, fifos, `wc -c <'${fifos.stdin}' >&3`);
  const client = await dock.stdio.attach(id, everything);
  client.resume();
  client.end(Buffer.alloc(5_000_000, 'x'));
  await exited(count);
  await dock.stdio.drained(id);
  t.is(textOf(await readAll(dock.stdio, id, spec)).trim(), '5000000');
});

test('a client that does not read holds up its own container after a megabyte, and no other', async (t) => {
  const dock = await house();
  const [slow, quick, spec] = [newId(), newId(), specWith()];
  const client = await dock.stdio.attach(slow, everything);
  const fifos = await dock.stdio.open(slow, 'slow', spec);
  const writer = shim(t, fifos, 'yes "a line that is neither short nor long" | head -c 8000000 >&3');
  await run(t, dock, quick, spec, 'seq 1 100000 >&3');
  t.is((await readAll(dock.stdio, quick, spec)).length, 100000);
  t.is(writer.exitCode, null);
  t.is(unframed(await bytesOf(client)).stdout.length, 8000000);
  await exited(writer);
});
