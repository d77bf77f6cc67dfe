// execs.test.ts: more processes in a container that runs
import { readFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import anyTest from 'ava';
import { WorldFailure } from '../../../actors/world.ts';
import type { ExecSpec } from '../../../events/exec.ts';
import { box, missing, never, random, runOf, started, until, type Box } from './_box.ts';

const test = missing ? anyTest.skip : anyTest.serial;
if (missing) anyTest(`execs are not tested here: ${missing}`, (t) => t.pass());

const specFor = (more: Partial<ExecSpec>): ExecSpec => ({
  command: ['true'], tty: false, attachStdin: false, attachStdout: true, attachStderr: true, detachKeys: '', env: [], workingDir: '', user: '',
  privileged: false, consoleSize: null, ...more,
});

async function running(boxed: Box, config = {}) {
  const start = runOf(boxed, { command: ['sleep', '1000'], config });
  await started(boxed, start);
  const { id, spec } = start.run;
  const { execs } = boxed.runtime;
  return async (more: Partial<ExecSpec>) => {
    const execId = random.hex(32);
    const { pid, stream } = await execs.start(id, execId, specFor(more), spec);
    return { id, pid, execId, stream, exit: async () => (await execs.exit(id, execId, never()))?.exitCode, remove: () => execs.remove(id, execId) };
  };
}

/** What each of the framed streams carried. */
async function frames(stream: Duplex | null): Promise<Record<number, string>> {
  const all = Buffer.concat((await stream?.toArray()) as Buffer[]);
  const texts: Record<number, string> = {};
  for (let at = 0; at < all.length; ) {
    const size = all.readUInt32BE(at + 4);
    const number = all[at] ?? 0;
    texts[number] = (texts[number] ?? '') + all.subarray(at + 8, at + 8 + size).toString();
    at += 8 + size;
  }
  return texts;
}

test('an exec runs beside the container\'s process; output and errors come apart', async (t) => {
  const boxed = await box(t);
  const start = await running(boxed);
  const exec = await start({ command: ['sh', '-c', 'echo out; echo err >&2; exit 4'] });
  t.true(exec.pid > 0);
  t.deepEqual(await frames(exec.stream), { 1: 'out\n', 2: 'err\n' });
  t.is(await exec.exit(), 4);
  t.is(await exec.exit(), 4);
  await exec.remove();
  await exec.remove();
  t.is(await exec.exit(), undefined);
});

test('an exec takes input until it ends', async (t) => {
  const boxed = await box(t);
  const start = await running(boxed);
  const exec = await start({ command: ['cat'], attachStdin: true });
  exec.stream?.write('one\n');
  exec.stream?.end('two\n');
  t.deepEqual(await frames(exec.stream), { 1: 'one\ntwo\n' });
  t.is(await exec.exit(), 0);
});

test('much output arrives whole', async (t) => {
  const boxed = await box(t);
  const start = await running(boxed);
  const exec = await start({ command: ['seq', '1', '200000'] });
  const { 1: text = '' } = await frames(exec.stream);
  t.is(text.length, Array.from({ length: 200000 }, (_, index) => `${index + 1}\n`).join('').length);
});

test('an exec with a terminal is raw, has its size and takes input', async (t) => {
  const boxed = await box(t);
  const start = await running(boxed);
  const exec = await start({ command: ['sh', '-c', 'stty size; read line; echo "<$line> $TERM"'], tty: true, attachStdin: true, consoleSize: [30, 90] });
  exec.stream?.write('hello\n');
  const text = Buffer.concat((await exec.stream?.toArray()) as Buffer[]).toString();
  t.regex(text, /30 90/);
  t.regex(text, /<hello> xterm\r\n/);
  t.is(await exec.exit(), 0);
});

test('a client that leaves does not stop the exec', async (t) => {
  const boxed = await box(t);
  const start = await running(boxed);
  const exec = await start({ command: ['sh', '-c', 'seq 1 100000; exit 6'] });
  exec.stream?.destroy();
  t.is(await exec.exit(), 6);
});

test('an exec that nobody attaches to runs, with a terminal too', async (t) => {
  const boxed = await box(t);
  const start = await running(boxed);
  const quiet = { attachStdout: false, attachStderr: false };
  const plain = await start({ command: ['sh', '-c', 'seq 1 100000; exit 8'], ...quiet });
  const terminal = await start({ command: ['sh', '-c', 'seq 1 100000; exit 9'], tty: true, ...quiet });
  t.is(plain.stream, null);
  t.is(terminal.stream, null);
  t.is(await plain.exit(), 8);
  t.is(await terminal.exit(), 9);
});

test('an exec has the container\'s environment and folder, or its own, and its own user', async (t) => {
  const boxed = await box(t);
  const start = await running(boxed, { Env: ['A=1', 'B=2'], WorkingDir: '/tmp' });
  const inherited = await start({ command: ['sh', '-c', 'echo $A $B; pwd; id -u'], env: ['B=3'] });
  t.deepEqual(await frames(inherited.stream), { 1: '1 3\n/tmp\n0\n' });
  const own = await start({ command: ['sh', '-c', 'pwd; id'], workingDir: '/root', user: 'www-data' });
  t.deepEqual(await frames(own.stream), { 1: '/root\nuid=33(www-data) gid=33(www-data) groups=33(www-data),44(video)\n' });
});

test('a privileged exec has all capabilities that the daemon can pass on', async (t) => {
  const boxed = await box(t);
  const start = await running(boxed);
  const capabilities = async (privileged: boolean) =>
    /CapEff:\s*([0-9a-f]+)/.exec((await frames((await start({ command: ['cat', '/proc/self/status'], privileged })).stream))[1] ?? '')?.[1];
  t.is(await capabilities(true), /CapBnd:\s*([0-9a-f]+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
  t.is(await capabilities(false), '00000000a80425fb');
});

test('an exec whose command is nowhere fails with 127', async (t) => {
  const boxed = await box(t);
  const start = await running(boxed);
  const error = await t.throwsAsync(start({ command: ['nope'] }), { instanceOf: WorldFailure });
  t.is(error.failure.reason, 'commandNotFound');
  t.is(error.exitCode, 127);
  t.regex(error.message, /^OCI runtime exec failed: exec failed: unable to start container process: exec: "nope": executable file not found in \$PATH: unknown$/);
});

test('an exec in a container that does not run is told so', async (t) => {
  const boxed = await box(t);
  const { execs } = boxed.runtime;
  const error = await t.throwsAsync(execs.start('a'.repeat(64), random.hex(32), specFor({}), runOf(boxed, {}).run.spec), { instanceOf: WorldFailure });
  t.is(error.failure.reason, 'conflict');
});

test('a health check tells its exit code and its output, and fails when its command is missing', async (t) => {
  const boxed = await box(t);
  const start = runOf(boxed, { command: ['sleep', '1000'] });
  await started(boxed, start);
  const probe = (check: string[], signal = never()) => boxed.runtime.execs.probe(start.run.id, { Test: check }, start.run.spec, signal);
  t.deepEqual(await probe(['CMD-SHELL', 'echo fine; echo well >&2; exit 1']).then(({ exitCode, output }) => [exitCode, output.split('\n').toSorted()]), [1, ['', 'fine', 'well']]);
  t.deepEqual(await probe(['CMD', 'true']), { exitCode: 0, output: '' });
  t.is((await probe(['CMD', 'nope'])).exitCode, -1);
  t.is((await probe(['CMD', 'seq', '1', '5000'])).output.length, 4099);
});

test('a health check that takes too long is killed', async (t) => {
  const boxed = await box(t);
  const start = runOf(boxed, { command: ['sleep', '1000'] });
  await started(boxed, start);
  const { id, spec } = start.run;
  const processes = async () => (await boxed.containerd.call('Tasks.ListPids', { containerId: id })).processes.length;
  const stop = new AbortController();
  const probe = boxed.runtime.execs.probe(id, { Test: ['CMD', 'sleep', '1000'] }, spec, stop.signal);
  const failed = t.throwsAsync(probe, { message: 'too long' });
  await until('the check runs', async () => (await processes()) === 2);
  stop.abort(new Error('too long'));
  await failed;
  await until('the check is gone', async () => (await processes()) === 1);
});
