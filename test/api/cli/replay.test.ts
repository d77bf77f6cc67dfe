// replay.test.ts: tallyd replay: the Docker API as it was; and the commands as a user gives them, beside a daemon
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import test from 'ava';
import { ask, missingDocker, run, startDaemon } from '../../_daemon.ts';
import { folder, id, rootOf, story, tallyd } from './_cli.ts';

const house = dirname(dirname(dirname(import.meta.dirname)));

/** Serves until the test is over; resolves when it answers. */
async function served(t: import('ava').ExecutionContext, words: readonly string[]): Promise<{ socket: string; ended: Promise<{ code: number }>; end: () => void }> {
  const socket = join(await folder(t), 'past.sock');
  const end = new AbortController();
  const ready = Promise.withResolvers<void>();
  const ended = tallyd(['replay', '-H', `unix://${socket}`, ...words], end.signal, (out) => {
    if (out.includes(`export DOCKER_HOST=unix://${socket}\n`)) ready.resolve();
  });
  t.teardown(async () => {
    end.abort();
    await ended;
  });
  await Promise.race([ready.promise, ended.then((said) => Promise.reject(new Error(`it ended: ${said.err}`)))]);
  return { socket, ended, end: () => end.abort() };
}

test('lists, inspections and events answer as they were at a position', async (t) => {
  const told = await story();
  await told.create('a', ['sleep', 'infinity']);
  await told.say('a', { name: 'start' });
  const then = told.last('container.started');
  await told.say('a', { name: 'stop', signal: null, timeoutSeconds: 1 });
  await told.say('a', { name: 'rename', to: 'web' });
  const { options } = await rootOf(t, told);
  const { socket, ended, end } = await served(t, ['--at', String(then), ...options]);
  const get = async (path: string) => ask(socket, 'GET', path);
  const [listed, ...more] = (await get('/containers/json?all=1')).json<{ Id: string; Names: string[]; State: string }[]>();
  t.like(listed, { Id: id('a'), Names: ['/a'], State: 'running' });
  t.deepEqual(more, []);
  t.like((await get('/containers/a/json')).json(), { Id: id('a'), State: { Status: 'running', Running: true } });
  t.is((await get('/containers/web/json')).status, 404);
  t.deepEqual((await get('/images/json')).json<{ RepoTags: string[] }[]>().map(({ RepoTags }) => RepoTags), [['busybox:latest']]);
  t.deepEqual((await get('/networks')).json<{ Name: string }[]>().map(({ Name }) => Name), ['bridge']);
  t.is((await get('/containers/json?all=1')).headers['tally-position'], String(then));
  const events = (await get('/events?since=0')).text.trim().split('\n').map((line) => (JSON.parse(line) as { Action: string }).Action);
  t.is(events.at(-1), 'start');
  t.false(events.includes('stop'));
  end();
  t.is((await ended).code, 0);
});

test('nothing can be changed in the past, and a sentence says so', async (t) => {
  const told = await story();
  await told.create('a', ['sleep', 'infinity']);
  const { options } = await rootOf(t, told);
  const { socket } = await served(t, ['--at', '2100-01-01', ...options]);
  const asked = [['POST', '/containers/a/start'], ['DELETE', '/containers/a?force=1'], ['POST', '/containers/create'], ['POST', '/images/create?fromImage=busybox'], ['POST', '/containers/a/wait'], ['POST', '/containers/a/rename?name=b']] as const;
  for (const [method, path] of asked) {
    const { status, text } = await ask(socket, method, path, method === 'POST' ? {} : undefined);
    t.is(status, 403, path);
    t.regex((JSON.parse(text) as { message: string }).message, /^this is the past, 2100-01-01T00:00:00Z at position \d+: .*nothing can be changed$/);
  }
  t.is((await ask(socket, 'GET', '/_ping')).text, 'OK');
  t.is((await ask(socket, 'GET', '/info')).status, 200);
});

test('before the first fact there was nothing', async (t) => {
  const { options } = await rootOf(t, await story());
  const { socket } = await served(t, ['--at', '2020-01-01', ...options]);
  t.deepEqual((await ask(socket, 'GET', '/containers/json?all=1')).json(), []);
  t.deepEqual((await ask(socket, 'GET', '/images/json')).json(), []);
  t.is((await ask(socket, 'GET', '/events?since=0')).text, '');
});

(missingDocker ? test.skip : test)('beside a running daemon the commands read its log, and the docker command line looks into its past', async (t) => {
  const daemon = await startDaemon(t, { world: 'simulated' });
  const bin = join(house, 'tallyd');
  const options = ['--data-root', daemon.roots.data];
  await daemon.busybox();
  await daemon.ok('run', '-d', '--name', 'web', 'busybox', 'sleep', 'infinity');
  const log = await run(bin, ['log', '--container', 'web', '--type', 'started', '--format', 'json', ...options]);
  t.is(log.code, 0, log.stderr);
  const { position } = JSON.parse(log.stdout) as { position: number };
  await daemon.ok('rm', '-f', 'web');
  t.is(await daemon.ok('ps', '-aq'), '');
  t.like(await run(bin, ['verify', ...options]), { code: 0, stderr: '' });
  t.regex((await run(bin, ['why', 'web', ...options])).stdout, /^container web \(\w+\) is removed/);
  t.regex((await run(bin, ['log', '--bogus'])).stderr, /usage: tallyd log/);

  const socket = join(daemon.roots.folder, 'past.sock');
  const replay = spawn(bin, ['replay', '--at', String(position), '-H', `unix://${socket}`, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => void replay.kill('SIGKILL'));
  const ended = new Promise((resolve) => replay.on('exit', resolve));
  const ready = new Promise<void>((resolve) => {
    let out = '';
    replay.stdout.setEncoding('utf8').on('data', (text: string) => (out += text).includes('DOCKER_HOST=') && resolve());
  });
  await Promise.race([ready, ended.then((code) => Promise.reject(new Error(`it ended with ${String(code)}`)))]);
  const past = async (...words: string[]) => run('docker', ['-H', `unix://${socket}`, ...words]);
  t.like(await past('ps', '-a', '--format', '{{.Names}} {{.Image}} {{.State}}'), { code: 0, stdout: 'web busybox running\n' });
  t.like(await past('inspect', '-f', '{{.State.Status}}', 'web'), { code: 0, stdout: 'running\n' });
  t.regex((await past('images')).stdout, /^busybox +latest /m);
  t.regex((await past('network', 'ls')).stdout, / bridge /);
  t.regex((await past('events', '--since', '0')).stdout, / container start \w+ \(.*name=web.*\)\n$/);
  t.regex((await past('stop', 'web')).stderr, /this is the past/);
  replay.kill('SIGINT');
  t.is(await ended, 0);
});
