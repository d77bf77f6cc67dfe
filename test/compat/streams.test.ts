// streams.test.ts: what a container prints and is given: logs, attach, terminals, detach keys
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { eventually } from '../_daemon.ts';
import { sharedDaemon } from './_shared.ts';

const { real, daemon } = sharedDaemon();

interface Terminal {
  type(text: string): void;
  /** Resolves when it was printed. */
  sees(text: string): Promise<unknown>;
  readonly ended: Promise<number | null>;
}

/** The docker command line while it runs. */
function docker(t: ExecutionContext, ...args: string[]) {
  const { socket, roots } = daemon();
  const env = { ...process.env, DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: join(roots.folder, 'docker') };
  const child = spawn('docker', args, { env });
  t.teardown(() => child.kill('SIGKILL'));
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { stdin: child.stdin, kill: (signal: NodeJS.Signals) => child.kill(signal), printed: () => printed, ended };
}

/** The docker command line with a terminal of its own. */
function terminal(t: ExecutionContext, args: string): Terminal {
  const { socket, roots } = daemon();
  const env = { ...process.env, DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: join(roots.folder, 'docker') };
  const child = spawn('script', ['-qec', `docker ${args}`, '/dev/null'], { env });
  t.teardown(() => child.kill('SIGKILL'));
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  child.stdin.on('error', () => undefined);
  return {
    type: (text) => child.stdin.write(text),
    sees: (text) => eventually(`${JSON.stringify(text)} was seen in ${JSON.stringify(printed)}`, () => printed.includes(text)),
    ended: new Promise((resolve) => child.on('exit', resolve)),
  };
}

const finished = (name: string) => daemon().ok('wait', name);
const run = (name: string, options: readonly string[], script: string) => daemon().ok('run', '-d', '--name', name, '--network', 'none', ...options, 'busybox', 'sh', '-c', script);

real('docker logs gives both streams, the last lines, times and a span of time', async (t) => {
  await run('printer', [], 'for i in 1 2 3; do echo out $i; sleep 0.01; done; echo err >&2');
  await finished('printer');
  const { stdout, stderr } = await daemon().docker('logs', 'printer');
  t.is(stdout, 'out 1\nout 2\nout 3\n');
  t.is(stderr, 'err\n');
  t.is((await daemon().docker('logs', '--tail', '2', 'printer')).stdout, 'out 3\n');
  t.is((await daemon().docker('logs', '--tail', '0', 'printer')).stdout, '');
  const timed = await daemon().ok('logs', '-t', 'printer');
  t.regex(timed, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z out 1$/m);
  const third = timed.split('\n')[2]?.split(' ')[0] ?? '';
  t.is(await daemon().ok('logs', '--since', third, 'printer'), 'out 3');
  t.is(await daemon().ok('logs', '--until', third, 'printer'), 'out 1\nout 2\nout 3');
  t.is(await daemon().ok('logs', '--since', '1s', '--until', '2020-01-01T00:00:00', 'printer'), '');
});

real('docker logs -f follows to the end of the container', async (t) => {
  await run('followed', [], 'i=0; while [ ! -e /stop ]; do i=$((i+1)); echo $i; sleep 0.05; done; echo last');
  const following = daemon().ok('logs', '-f', 'followed');
  await eventually('it printed', async () => (await daemon().ok('logs', 'followed')).includes('5'));
  await daemon().ok('exec', 'followed', 'touch', '/stop');
  const lines = (await following).split('\n');
  t.is(lines.pop(), 'last');
  t.deepEqual(lines, lines.map((_, index) => String(index + 1)));
});

real('labels and variables that the log keeps are told as details', async (t) => {
  await run('detailed', ['--label', 'tier=web', '--log-opt', 'labels=tier', '-e', 'COLOR=red', '--log-opt', 'env=COLOR'], 'echo hello');
  await finished('detailed');
  t.is(await daemon().ok('logs', '--details', 'detailed'), 'COLOR=red,tier=web hello');
});

real('a log that is full goes into as many files as are allowed, and the last lines stay', async (t) => {
  await run('chatty', ['--log-opt', 'max-size=10k', '--log-opt', 'max-file=3'], 'i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo "line $i"; done');
  await finished('chatty');
  const path = await daemon().ok('inspect', '-f', '{{.LogPath}}', 'chatty');
  const files = readdirSync(dirname(path)).filter((name) => name.includes('.log'));
  t.is(files.length, 3, files.join(' '));
  for (const name of files) t.true(statSync(join(dirname(path), name)).size <= 11_000);
  const lines = (await daemon().ok('logs', 'chatty')).split('\n');
  t.is(lines.at(-1), 'line 2000');
  t.deepEqual(lines, lines.map((_, index) => `line ${2000 - lines.length + index + 1}`));
  await daemon().ok('rm', 'chatty');
  await eventually('its files were gone', () => !existsSync(path));
});

real('a log that is not kept cannot be read', async (t) => {
  const { code, stdout } = await daemon().docker('run', '--name', 'silent', '--network', 'none', '--log-driver', 'none', 'busybox', 'echo', 'seen');
  t.deepEqual([code, stdout], [0, 'seen\n']);
  const logs = await daemon().docker('logs', 'silent');
  t.is(logs.code, 1);
  t.true(logs.stderr.includes('configured logging driver does not support reading'), logs.stderr);
});

real('docker attach shows what is printed from then on and ends with the container\'s code', async (t) => {
  await run('attached', ['-i'], 'echo before; read line; echo "got $line"; read line; exit 6');
  await eventually('it printed', async () => (await daemon().ok('logs', 'attached')) === 'before');
  // Its input stays open: at the end of its input the command line itself may leave before the last output.
  const client = docker(t, 'attach', 'attached');
  client.stdin.write('word\n');
  await eventually('it answered', () => client.printed() === 'got word\n');
  client.stdin.write('over\n');
  t.is(await client.ended, 6);
});

real('docker start -ai gives a stopped container its input', async (t) => {
  await daemon().ok('create', '-i', '--name', 'again', '--network', 'none', 'busybox', 'sh', '-c', 'read line; echo "got $line"; exit 8');
  for (const word of ['one', 'two']) {
    const { code, stdout } = await daemon().dockerWith(`${word}\n`, 'start', '-ai', 'again');
    t.deepEqual([code, stdout], [8, `got ${word}\n`]);
  }
  t.is((await daemon().docker('attach', 'again')).stderr.trim(), 'You cannot attach to a stopped container, start it first');
});

real('a terminal is left with the detach keys, the container goes on, and is attached to again', async (t) => {
  const first = terminal(t, 'run --name shell -it --network none busybox sh');
  await first.sees('/ # ');
  first.type('echo first=$((1+1))\n');
  await first.sees('first=2');
  first.type('\u0010\u0011');
  t.is(await first.ended, 0);
  t.is(await daemon().ok('inspect', '-f', '{{.State.Status}}', 'shell'), 'running');
  const second = terminal(t, 'attach shell');
  await eventually('it answered', () => {
    second.type('echo second=$((2+2))\n');
    return Promise.race([second.sees('second=4').then(() => true), new Promise<false>((resolve) => void setTimeout(resolve, 1_000, false))]);
  });
  second.type('exit 4\n');
  t.is(await second.ended, 4);
  t.is(await daemon().ok('inspect', '-f', '{{.State.ExitCode}}', 'shell'), '4');
});

real('other detach keys can be chosen', async (t) => {
  const keyed = terminal(t, 'run --name keyed --detach-keys ctrl-x,d -it --network none busybox sh');
  await keyed.sees('/ # ');
  keyed.type('\u0018d');
  t.is(await keyed.ended, 0);
  t.is(await daemon().ok('inspect', '-f', '{{.State.Status}}', 'keyed'), 'running');
  await daemon().ok('rm', '-f', 'keyed');
});

real('a terminal has the size that it is given, before and after its start', async (t) => {
  await daemon().ok('run', '-d', '-t', '--name', 'sized', '--network', 'none', 'busybox', 'sh', '-c', 'trap "stty size" WINCH; echo up; while true; do sleep 0.1; done');
  await eventually('it was up', async () => (await daemon().ok('logs', 'sized')).includes('up'));
  const reply = await daemon().request('POST', '/containers/sized/resize?h=33&w=77');
  t.is(reply.status, 200, reply.text);
  await eventually('it told its size', async () => (await daemon().ok('logs', 'sized')).includes('33 77'));
  await daemon().ok('rm', '-f', 'sized');
});

real('signals to docker run are handed on to the container', async (t) => {
  const client = docker(t, 'run', '--name', 'handed', '--network', 'none', 'busybox', 'sh', '-c', 'trap "echo got; exit 9" INT; echo up; while true; do sleep 0.1; done');
  await eventually('it was up', () => client.printed().includes('up'));
  client.kill('SIGINT');
  t.is(await client.ended, 9);
  t.is(client.printed(), 'up\ngot\n');
});
