// survival.test.ts: daemon and keeper are killed at bad moments, and nothing that a container wrote is lost
import test from 'ava';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openKeeper } from '../../../actors/stdio/keeper-client.ts';
import type { Fifos } from '../../../actors/world.ts';
import { bytesOf, exited, house, newId, openHouse, readAll, shim, specWith, textOf, unframed, until } from './_streams.ts';

const everything = { stdin: true, stdout: true, stderr: true };
const sequence = (to: number): string => Array.from({ length: to }, (_, index) => `${index + 1}\n`).join('');
const alive = (pid: number): boolean => existsSync(`/proc/${pid}/stat`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

/** A daemon of its own process, which opens a container's streams, attaches to them and says so. */
async function daemon(root: string, id: string): Promise<{ child: ChildProcess; fifos: Fifos }> {
  const helper = new URL('_house.ts', import.meta.url).href;
  const script = `
    import { openHouse, specWith } from '${helper}';
    const dock = await openHouse('${root}');
    const fifos = await dock.stdio.open('${id}', 'web', specWith({ OpenStdin: true, StdinOnce: true }));
    const client = await dock.stdio.attach('${id}', { stdin: true, stdout: true, stderr: true });
    client.resume();
    console.log(JSON.stringify(fifos));
    setInterval(() => undefined, 1000);`;
  const path = join(root, 'daemon.ts');
  writeFileSync(path, script);
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  return { child, fifos: JSON.parse(line.toString()) as Fifos };
}

test('a container writes at full speed while no daemon runs, and ends meanwhile: all of it is in the log', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'tally-stdio-'));
  const [id, spec] = [newId(), specWith({ OpenStdin: true, StdinOnce: true })];
  const { child, fifos } = await daemon(root, id);
  t.teardown(() => void child.kill('SIGKILL'));
  const keeper = Number(readFileSync(join(root, 'run/keeper/pid'), 'utf8'));
  child.kill('SIGKILL');
  await exited(child);
  t.true(alive(keeper));
  await exited(shim(t, fifos, 'seq 1 500000 >&3; printf "the end" >&4'));
  const dock = await openHouse(root);
  t.teardown(() => dock.close());
  t.is(dock.keeper.pid, keeper);
  await dock.stdio.open(id, 'web', spec);
  await dock.stdio.drained(id);
  t.true(textOf(await readAll(dock.stdio, id, spec, { stderr: false })) === sequence(500000));
  t.is(textOf(await readAll(dock.stdio, id, spec, { stdout: false })), 'the end');
});

test('the input of `docker run -i` stays open when the daemon dies, and the next daemon can go on with it', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'tally-stdio-'));
  const id = newId();
  const { child, fifos } = await daemon(root, id);
  t.teardown(() => void child.kill('SIGKILL'));
  const cat = shim(t, fifos, `cat <'${fifos.stdin}' >&3`);
  child.kill('SIGKILL');
  await exited(child);
  const dock = await openHouse(root);
  t.teardown(() => dock.close());
  const client = await dock.stdio.attach(id, everything);
  const output = bytesOf(client);
  client.end('still here\n');
  await exited(cat);
  await dock.stdio.drained(id);
  t.is(unframed(await output).stdout, 'still here\n');
  t.true(dock.closedInputs.includes(id));
});

test('a keeper that is killed is replaced, and loses nothing that waits in the pipes', async (t) => {
  const dock = await house(t);
  const [id, spec] = [newId(), specWith()];
  const fifos = await dock.stdio.open(id, 'web', spec);
  const child = shim(t, fifos, 'seq 1 1000 >&3; read line; seq 1001 300000 >&3; printf end >&3');
  await until(async () => (await readAll(dock.stdio, id, spec)).length === 1000);
  const follower: string[] = [];
  const followed = (async () => {
    const query = { stdout: true, stderr: true, since: null, until: null, tail: null, follow: true };
    for await (const lines of dock.stdio.logs(id, spec, query, new AbortController().signal)) follower.push(textOf(lines));
  })();
  const killed = dock.keeper.pid;
  process.kill(killed, 'SIGKILL');
  await until(() => !alive(killed));
  child.stdin!.write('go on\n');
  await exited(child);
  await dock.stdio.drained(id);
  t.not(dock.keeper.pid, killed);
  const expected = `${sequence(300000)}end`;
  t.true(textOf(await readAll(dock.stdio, id, spec)) === expected);
  await followed;
  t.true(follower.join('') === expected);
});

test('what is asked while the keeper is dead is answered by the next one', async (t) => {
  const dock = await house(t);
  const ids = [newId(), newId(), newId()];
  process.kill(dock.keeper.pid, 'SIGKILL');
  const opened = await Promise.all(ids.map((id) => dock.stdio.open(id, 'web', specWith())));
  t.true(opened.every(({ stdout }) => existsSync(stdout)));
});

test('a keeper that speaks another protocol is ended and replaced', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'tally-stdio-'));
  const script = `
    require('node:fs').mkdirSync('${root}/run/keeper', { recursive: true });
    require('node:net').createServer((s) => { s.write(JSON.stringify({ protocol: 0, pid: process.pid }) + '\\n'); s.on('error', () => 0); })
      .listen('${root}/run/keeper/socket', () => console.log('ready'));
    process.on('SIGTERM', () => { require('node:fs').rmSync('${root}/run/keeper/socket'); process.exit(); });`;
  const old = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => void old.kill('SIGKILL'));
  await once(old.stdout!, 'data');
  const dock = await openHouse(root);
  t.teardown(() => dock.close());
  await exited(old);
  t.not(dock.keeper.pid, old.pid);
  t.deepEqual(await dock.keeper.published(), []);
});

test('a keeper told to hand over leaves a line that was not finished complete for its successor', async (t) => {
  const dock = await house(t);
  const [id, spec] = [newId(), specWith()];
  const fifos = await dock.stdio.open(id, 'web', spec);
  const child = shim(t, fifos, 'printf "one\\ntw" >&3; read line; printf "o\\nthree\\n" >&3');
  await until(async () => (await readAll(dock.stdio, id, spec)).length === 1);
  const old = dock.keeper.pid;
  process.kill(old, 'SIGTERM');
  await until(() => !alive(old));
  await dock.keeper.published();
  child.stdin!.write('go on\n');
  await exited(child);
  await dock.stdio.drained(id);
  t.is(textOf(await readAll(dock.stdio, id, spec)), 'one\ntwo\nthree\n');
});

test('an orderly end leaves no keeper, no socket and no pid file', async (t) => {
  const dock = await openHouse();
  t.teardown(() => dock.close());
  const { pid } = dock.keeper;
  await dock.stdio.open(newId(), 'web', specWith());
  await dock.keeper.end();
  await until(() => !alive(pid));
  t.deepEqual(['socket', 'pid', 'open', 'ports'].filter((name) => existsSync(join(dock.root, 'run/keeper', name))), []);
});

test('two daemons with roots of their own have keepers of their own', async (t) => {
  const [one, two] = [await house(t), await house(t)];
  t.not(one.keeper.pid, two.keeper.pid);
  const again = await openKeeper(join(one.root, 'run'));
  t.is(again.pid, one.keeper.pid);
  again.close();
});
