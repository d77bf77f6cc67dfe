// deaths.test.ts: containers while their daemon, or their containerd, is dead
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { eventually, makeRoots, run, startDaemon, type Daemon } from '../_daemon.ts';
import { historyOf } from './_history.ts';
import { real } from './_shared.ts';

const inspected = (docker: Daemon, name: string, format: string) => docker.ok('inspect', '-f', format, name);
const isAlive = (pid: string) => existsSync(`/proc/${pid}`) && !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
const logPath = (docker: Daemon, name: string) => inspected(docker, name, '{{.LogPath}}');
const size = (path: string) => (existsSync(path) ? statSync(path).size : 0);

const containerdOf = (docker: Daemon): string => {
  const file = join(docker.roots.exec, 'containerd', 'containerd.pid');
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
};
function killContainerd(docker: Daemon): void {
  const pid = containerdOf(docker);
  // The number may be another's by now.
  if (pid !== '' && isAlive(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(docker.roots.folder)) process.kill(Number(pid), 'SIGKILL');
}

real('a container prints on at full speed while its daemon is dead, and no line of it is lost', async (t) => {
  const docker = await startDaemon(t);
  await docker.busybox();
  await docker.ok('run', '-d', '--name', 'fast', '--network', 'none', 'busybox', 'sh', '-c', 'seq 1 200000; while [ ! -e /more ]; do sleep 0.05; done; seq 200001 400000; exit 7');
  const path = await logPath(docker, 'fast');
  const pid = await inspected(docker, 'fast', '{{.State.Pid}}');
  await eventually('it had printed something', () => size(path) > 1_000);
  await docker.kill('SIGKILL');
  const marked = join('/proc', pid, 'root', 'more');
  await eventually('the first half was written with no daemon', () => readFileSync(path, 'latin1').includes('"200000\\n"'));
  writeFileSync(marked, '');
  await eventually('it ended with no daemon', () => !isAlive(pid));
  await docker.restart();
  await eventually('its end was told', async () => (await inspected(docker, 'fast', '{{.State.Status}}')) === 'exited');
  t.is(await inspected(docker, 'fast', '{{.State.ExitCode}}'), '7');
  const lines = (await docker.ok('logs', 'fast')).split('\n');
  t.is(lines.length, 400_000);
  t.is(lines.findIndex((line, index) => line !== String(index + 1)), -1);
});

real('restarts are counted on through the daemon\'s death', async (t) => {
  const docker = await startDaemon(t);
  await docker.busybox();
  await docker.ok('run', '-d', '--name', 'failing', '--network', 'none', '--restart', 'on-failure:4', 'busybox', 'sh', '-c', 'echo try; exit 2');
  await eventually('it was started again', async () => Number(await inspected(docker, 'failing', '{{.RestartCount}}')) >= 2);
  await docker.restart();
  await eventually('it gave up', async () => (await inspected(docker, 'failing', '{{.State.Status}}')) === 'exited');
  t.is(await inspected(docker, 'failing', '{{.RestartCount}}'), '4');
  t.is(await docker.ok('logs', 'failing'), 'try\ntry\ntry\ntry\ntry');
  t.is((await historyOf(docker, 'container=failing', 'event=die')).length, 5);
});

real('connections through a published port live on while the daemon is killed and started again', async (t) => {
  const docker = await startDaemon(t);
  await docker.busybox();
  await docker.ok('run', '-d', '--name', 'steady', '-p', '80', 'busybox', 'nc', '-ll', '-p', '80', '-e', 'cat');
  const port = Number((await docker.ok('port', 'steady', '80/tcp')).split('\n')[0]?.split(':').at(-1));
  const socket = await eventually('it was connected', () => answering(port));
  t.teardown(() => socket.destroy());
  let heard = '';
  socket.on('data', (chunk: Buffer) => (heard += chunk));
  await docker.kill('SIGKILL');
  socket.write('one ');
  await eventually('it was heard with the daemon down', () => heard === 'one ');
  await docker.restart();
  socket.write('two');
  await eventually('it was heard after the restart', () => heard === 'one two');
  t.is((await docker.ok('port', 'steady', '80/tcp')).split('\n')[0]?.split(':').at(-1), String(port));
});

/** A connection to a server that answers: a proxy takes connections for a server that is not there yet. */
const answering = (port: number) => new Promise<Socket | null>((resolve) => {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => resolve(null)).on('close', () => resolve(null));
  socket.once('data', () => resolve(socket)).write('.');
});

real('a container takes input and is attached to again after the death of its daemon', async (t) => {
  const docker = await startDaemon(t);
  await docker.busybox();
  await docker.ok('run', '-d', '-i', '--name', 'echo', '--network', 'none', 'busybox', 'sh', '-c', 'while read line; do echo "got $line"; [ "$line" = three ] && exit 4; done');
  const hear = async (word: string) => {
    const client = spawn('docker', ['attach', 'echo'], { env: { ...process.env, DOCKER_HOST: `unix://${docker.socket}`, DOCKER_CONFIG: join(docker.roots.folder, 'docker') } });
    t.teardown(() => client.kill('SIGKILL'));
    let heard = '';
    client.stdout.on('data', (chunk: Buffer) => (heard += chunk));
    client.stdin.on('error', () => undefined);
    client.stdin.write(`${word}\n`);
    await eventually(`${word} was heard`, () => heard.includes(`got ${word}\n`));
    return client;
  };
  const first = await hear('one');
  await docker.restart();
  await eventually('the client was told', () => first.exitCode !== null);
  await hear('two');
  await docker.restart();
  await hear('three');
  await eventually('it ended', async () => (await inspected(docker, 'echo', '{{.State.Status}} {{.State.ExitCode}}')) === 'exited 4');
  t.is(await docker.ok('logs', 'echo'), 'got one\ngot two\ngot three');
});

real('containers live on while containerd is dead; an end meanwhile is noticed when it is back', async (t) => {
  const docker = await startDaemon(t);
  await docker.busybox();
  for (const name of ['stays', 'ends']) {
    await docker.ok('run', '-d', '--name', name, '--network', 'none', 'busybox', 'sh', '-c', 'echo up; while [ ! -e /end ]; do sleep 0.05; done; exit 5');
  }
  const [stays, ends] = [await inspected(docker, 'stays', '{{.State.Pid}}'), await inspected(docker, 'ends', '{{.State.Pid}}')];
  const containerd = containerdOf(docker);
  killContainerd(docker);
  writeFileSync(join('/proc', ends, 'root', 'end'), '');
  await eventually('its end was noticed', async () => (await inspected(docker, 'ends', '{{.State.Status}} {{.State.ExitCode}}')) === 'exited 5');
  t.true(isAlive(stays));
  t.is(await inspected(docker, 'stays', '{{.State.Status}} {{.State.Pid}}'), `running ${stays}`);
  await eventually('containers start again', async () => (await docker.docker('run', '--rm', '--network', 'none', 'busybox', 'true')).code === 0);
  t.not(containerdOf(docker), containerd);
  await docker.ok('stop', '-t', '0', 'stays');
  t.is((await historyOf(docker, 'container=ends', 'event=die')).length, 1);
});

real('a start while containerd is dead is refused with 503, and served when it is back', async (t) => {
  const docker = await startDaemon(t);
  await docker.busybox();
  await docker.ok('create', '--name', 'waits', '--network', 'none', 'busybox', 'sleep', '100000');
  // Killed again and again as soon as it is back, until a start has met it dead.
  const refused = await eventually('a start met it dead', async () => {
    killContainerd(docker);
    const reply = await docker.request('POST', '/containers/waits/start');
    if (reply.status === 204) await docker.request('POST', '/containers/waits/kill');
    return reply.status === 503 ? reply : null;
  });
  t.regex(refused.json<{ message: string }>().message, /containerd/);
  t.is((await docker.request('GET', '/containers/json?all=1')).status, 200);
  t.is((await docker.request('GET', '/_ping')).status, 200);
  await eventually('it was started', async () => (await docker.request('POST', '/containers/waits/start')).status < 400);
  t.is(await inspected(docker, 'waits', '{{.State.Status}}'), 'running');
});

real('with a full disk nothing new is begun and nothing is forgotten; with room again what happened is told', async (t) => {
  const roots = makeRoots(t);
  mkdirSync(roots.data);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', roots.data]);
  const docker = await startDaemon(t, { roots });
  await docker.busybox();
  for (const [name, ...options] of [['ends'], ['leaves', '--rm'], ['returns', '--restart', 'always']] as const) {
    await docker.ok('run', '-d', '--name', name, '--network', 'none', ...options, 'busybox', 'sleep', '100000');
  }
  const before = await docker.ok('ps', '-a', '--format', '{{.ID}} {{.Names}} {{.State}}');
  const pids = await Promise.all(['ends', 'leaves', 'returns'].map((name) => inspected(docker, name, '{{.State.Pid}}')));
  const filler = join(roots.data, 'filler');
  fill(filler);
  const refused = await docker.docker('create', '--name', 'late', 'busybox', 'true');
  t.is(refused.code, 1);
  t.true(refused.stderr.includes('the log cannot be written: database or disk is full'), refused.stderr);
  for (const pid of pids) process.kill(Number(pid), 'SIGKILL');
  t.is(await docker.ok('ps', '-a', '--format', '{{.ID}} {{.Names}} {{.State}}'), before);
  rmSync(filler);
  await eventually('all was told', async () => {
    const now = await docker.ok('ps', '-a', '--format', '{{.Names}} {{.State}}');
    return now === 'returns running\nends exited' && (await inspected(docker, 'returns', '{{.RestartCount}}')) === '1';
  });
  await docker.ok('run', '--rm', '--network', 'none', 'busybox', 'true');
});

/** To the last byte. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  for (let size = 1_048_576; size >= 1; size = Math.floor(size / 2)) {
    try {
      for (;;) writeSync(file, Buffer.alloc(size));
    } catch {
      // Less may still fit.
    }
  }
  closeSync(file);
}

real('after an orderly end and a new start those containers run that should', async (t) => {
  const docker = await startDaemon(t);
  await docker.busybox();
  const begin = (name: string, ...options: string[]) => docker.ok('run', '-d', '--name', name, '--network', 'none', '--init', ...options, 'busybox', 'sleep', '100000');
  await begin('always', '--restart', 'always');
  await begin('stopped-always', '--restart', 'always');
  await begin('unless-stopped', '--restart', 'unless-stopped');
  await begin('stopped', '--restart', 'unless-stopped');
  await begin('plain');
  await begin('brief', '--rm');
  await docker.ok('stop', 'stopped', 'stopped-always');
  await docker.restart('SIGTERM');
  const state = (name: string) => docker.docker('inspect', '-f', '{{.State.Status}}', name).then(({ stdout }) => stdout.trim());
  for (const name of ['always', 'stopped-always', 'unless-stopped']) await eventually(`${name} runs again`, async () => (await state(name)) === 'running');
  t.is(await state('stopped'), 'exited');
  t.is(await state('plain'), 'exited');
  await eventually('brief was removed', async () => (await state('brief')) === '');
});
